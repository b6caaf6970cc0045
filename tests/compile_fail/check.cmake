# cmake -DCOMPILER=... -DROOT=... -DCASE=file.cc -P check.cmake
file(STRINGS ${CASE} first LIMIT_COUNT 1)
string(REGEX REPLACE "^// expect: " "" expected "${first}")
# The first error alone is looked at, with its notes: a case that fails for another reason has another first error.
execute_process(COMMAND ${COMPILER} -std=c++23 -fsyntax-only -ferror-limit=1 -I${ROOT} -Wall -Wextra -Werror -Wdangling -Wno-unused-parameter ${CASE}
  RESULT_VARIABLE code ERROR_VARIABLE said OUTPUT_QUIET)
if(expected STREQUAL "nothing")
  if(NOT code EQUAL 0)
    message(FATAL_ERROR "${CASE} must compile:\n${said}")
  endif()
elseif(code EQUAL 0)
  message(FATAL_ERROR "${CASE} compiles, and must not")
else()
  string(FIND "${said}" "${expected}" at)
  if(at EQUAL -1)
    message(FATAL_ERROR "${CASE} fails, but not with `${expected}`:\n${said}")
  endif()
endif()
