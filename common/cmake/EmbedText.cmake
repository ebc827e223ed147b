# Run by embed_text: writes OUT, a C file with the bytes of FILES in the array SYMBOL, and their hash.
set(hex "")
foreach(file IN LISTS FILES)
    file(READ ${file} bytes HEX)
    string(APPEND hex ${bytes})
endforeach()
string(SHA256 hash "${hex}")
string(REGEX REPLACE "(..)" "'\\\\x\\1'," bytes "${hex}")
file(WRITE ${OUT}
    "#include <stddef.h>\n"
    "extern const char ${SYMBOL}[];\nextern const size_t ${SYMBOL}_len;\nextern const char ${SYMBOL}_hash[];\n"
    "const char ${SYMBOL}[] = {${bytes}0};\nconst size_t ${SYMBOL}_len = sizeof ${SYMBOL} - 1;\n"
    "const char ${SYMBOL}_hash[] = \"${hash}\";\n")
