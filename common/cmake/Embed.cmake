# Embeds files in the program: embed_text(<target> <symbol> <file>…) makes one C array of char, named
# <symbol>, out of the files' contents one behind the other, <symbol>_len, its length, and <symbol>_hash, 64 hex
# digits that differ where the contents do. Made anew when one of the files changes.
set(EMBED_SCRIPT ${CMAKE_CURRENT_LIST_DIR}/EmbedText.cmake)

function(embed_text target symbol)
    set(out ${CMAKE_CURRENT_BINARY_DIR}/${symbol}.c)
    list(TRANSFORM ARGN PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/ OUTPUT_VARIABLE files)
    add_custom_command(
        OUTPUT ${out}
        COMMAND ${CMAKE_COMMAND} -DOUT=${out} -DSYMBOL=${symbol} "-DFILES=${files}" -P ${EMBED_SCRIPT}
        DEPENDS ${files} ${EMBED_SCRIPT}
        VERBATIM)
    target_sources(${target} PRIVATE ${out})
endfunction()
