# Run by embed_text: writes OUT, a C file with the bytes of FILES in the array SYMBOL.
set(hex "")
foreach(file IN LISTS FILES)
    file(READ ${file} bytes HEX)
    string(APPEND hex ${bytes})
endforeach()
string(REGEX REPLACE "(..)" "'\\\\x\\1'," bytes "${hex}")
file(WRITE ${OUT}
    "#include <stddef.h>\n"
    "extern const char ${SYMBOL}[];\nextern const size_t ${SYMBOL}_len;\n"
    "const char ${SYMBOL}[] = {${bytes}0};\nconst size_t ${SYMBOL}_len = sizeof ${SYMBOL} - 1;\n")
