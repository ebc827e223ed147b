# The hardening of a release, for project_flags. tests/e2e/hardening.py finds each of these in the binary.
include(CheckCCompilerFlag)
include(CheckCSourceCompiles)
include(CheckPIESupported)

# Programs are loaded at a random address (with CMAKE_POSITION_INDEPENDENT_CODE), all of their symbols are bound at
# the start, and what they were bound to is read-only from then on.
check_pie_supported(LANGUAGES C)
target_link_options(project_flags INTERFACE -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack)

# Stacks: overwriting a return address, or jumping over the guard page, ends the program.
target_compile_options(project_flags INTERFACE -fstack-protector-strong -fstack-clash-protection)

# The C library checks sizes, of objects whose size is known at run time only where compiler and library know level 3.
set(CMAKE_REQUIRED_FLAGS "-O2 -Werror -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3")
check_c_source_compiles([[
#include <string.h>
#if !defined(__USE_FORTIFY_LEVEL) || __USE_FORTIFY_LEVEL < 3
#error the library stays below
#endif
int main(void) { return 0; }
]] GATEWAY_HAVE_FORTIFY_3)
unset(CMAKE_REQUIRED_FLAGS)
if(GATEWAY_HAVE_FORTIFY_3)
    set(fortify_level 3)
else()
    set(fortify_level 2)
endif()
target_compile_options(project_flags INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=${fortify_level})

# Jumps and returns to where none should go: Intel's CET, Arm's branch protection.
foreach(flag -fcf-protection=full -mbranch-protection=standard)
    string(MAKE_C_IDENTIFIER "GATEWAY_HAVE${flag}" known)
    check_c_compiler_flag(${flag} ${known})
    if(${known})
        target_compile_options(project_flags INTERFACE ${flag})
    endif()
endforeach()
