# SPDX-License-Identifier: Apache-2.0
# A man page for kvhost and one for each of its commands, of what the program itself says:
# cmake -DKVHOST=bin/kvhost -DOUT=share/man/man1 -P ManPages.cmake
function(help_text out)
  execute_process(COMMAND "${CMAKE_COMMAND}" -E env NO_COLOR=1 "${KVHOST}" help ${ARGN} OUTPUT_VARIABLE text RESULT_VARIABLE code)
  if(NOT code EQUAL 0)
    message(FATAL_ERROR "ManPages.cmake: ${KVHOST} help ${ARGN} ended with ${code}; expected its help")
  endif()
  set(${out} "${text}" PARENT_SCOPE)
endfunction()

# As it stands, line by line: backslashes are troff's, and so are lines that begin with . or '.
function(write_page file title summary text)
  string(REPLACE "\\" "\\e" text "${text}")
  string(REGEX REPLACE "(^|\n)([.'])" "\\1\\\\&\\2" text "${text}")
  string(REPLACE "-" "\\-" text "${text}")
  file(WRITE "${OUT}/${file}"
       ".TH ${title} 1 \"\" \"kvhost\" \"kvhost\"\n.SH NAME\n${summary}\n.SH DESCRIPTION\n.nf\n${text}.fi\n.SH SEE ALSO\n.BR kvhost (1)\n")
endfunction()

help_text(overview)
write_page(kvhost.1 KVHOST "kvhost \\- runs language models and compresses their KV cache with plugins" "${overview}")
# The commands are what the overview lists, two spaces in.
string(REGEX REPLACE "^.*\nCommands:\n" "\n" listed "${overview}")
string(FIND "${listed}" "\n\n" end)
string(SUBSTRING "${listed}" 0 ${end} listed)
string(REGEX MATCHALL "\n  [a-z]+ " names "${listed}")
foreach(name IN LISTS names)
  string(STRIP "${name}" name)
  help_text(text ${name})
  string(REGEX MATCH "^kvhost [a-z]+: ([^\n]*)" ignored "${text}")
  string(TOUPPER "KVHOST-${name}" title)
  write_page(kvhost-${name}.1 ${title} "kvhost-${name} \\- ${CMAKE_MATCH_1}" "${text}")
endforeach()
list(LENGTH names n)
if(n LESS 20)
  message(FATAL_ERROR "ManPages.cmake: found ${n} commands in the help; expected all of them")
endif()
