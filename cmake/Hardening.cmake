# What makes a fault in memory end the program instead of serving whoever caused it: position-independent programs, the
# whole table of addresses read-only before main, canaries behind arrays on the stack, checked copies, marked targets of
# indirect jumps. scripts/check_hardening.sh looks for it in an installed tree. Sanitizers do the same work better, and
# need the plain functions.
if(KVHOST_SANITIZE OR KVHOST_TSAN)
  return()
endif()
include(CheckCXXCompilerFlag)
include(CheckPIESupported)
check_pie_supported()
foreach(flag -fstack-protector-strong -fstack-clash-protection -fcf-protection=full)
  string(MAKE_C_IDENTIFIER "KVHOST_HAS${flag}" has)
  check_cxx_compiler_flag(${flag} ${has})
  if(${has})
    target_compile_options(kvhost_flags INTERFACE ${flag})
  endif()
endforeach()
# The checked functions exist only where there is optimisation. Some systems define it themselves.
target_compile_options(kvhost_flags INTERFACE "$<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE;-D_FORTIFY_SOURCE=2>")
target_link_options(kvhost_flags INTERFACE LINKER:-z,relro LINKER:-z,now LINKER:-z,noexecstack)
