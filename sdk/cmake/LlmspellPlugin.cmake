# SPDX-License-Identifier: Apache-2.0
# llmspell_add_tool(NAME …), llmspell_add_protocol(NAME …), llmspell_add_runtime(NAME …)
#   [SOURCES file…]      default: NAME.c
#   [MANIFEST file]      default: NAME.json
#   [LIBRARIES lib…]     linked to this plugin alone
# Each makes one shared object NAME.so with the manifest in an ELF note and one exported symbol.
# Used by our own build and, installed, by plugin authors (find_package(LlmspellSDK)).

set(LLMSPELL_CMAKE_DIR ${CMAKE_CURRENT_LIST_DIR})

function(_llmspell_add_plugin kind name)
  cmake_parse_arguments(P "" "MANIFEST" "SOURCES;LIBRARIES" ${ARGN})
  if(P_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "llmspell_add_${kind}(${name}): unknown argument ${P_UNPARSED_ARGUMENTS}; "
                        "it takes SOURCES, MANIFEST and LIBRARIES")
  endif()
  if(NOT P_SOURCES)
    set(P_SOURCES ${name}.c)
  endif()
  if(NOT P_MANIFEST)
    set(P_MANIFEST ${name}.json)
  endif()
  get_filename_component(manifest ${P_MANIFEST} ABSOLUTE)
  if(NOT EXISTS ${manifest})
    message(FATAL_ERROR "llmspell_add_${kind}(${name}): no manifest ${manifest}")
  endif()

  set(LLMSPELL_MANIFEST_PATH ${manifest})
  set(note ${CMAKE_CURRENT_BINARY_DIR}/${name}_note.S)
  configure_file(${LLMSPELL_CMAKE_DIR}/note.S.in ${note} @ONLY)
  set_source_files_properties(${note} PROPERTIES OBJECT_DEPENDS ${manifest} LANGUAGE ASM)

  add_library(${name} MODULE ${P_SOURCES} ${note})
  target_link_libraries(${name} PRIVATE Llmspell::sdk ${P_LIBRARIES})
  set_target_properties(${name} PROPERTIES
    PREFIX "" SUFFIX ".so" OUTPUT_NAME ${name}
    C_VISIBILITY_PRESET hidden CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON
    LLMSPELL_KIND ${kind})
  target_link_options(${name} PRIVATE
    LINKER:-z,now LINKER:-z,relro LINKER:-z,nodelete LINKER:--as-needed)
  # The host refuses plugins that the group may write, as a umask of 002 makes them.
  add_custom_command(TARGET ${name} POST_BUILD
    COMMAND chmod go-w $<TARGET_FILE:${name}> $<TARGET_FILE_DIR:${name}> VERBATIM)
  if(NOT LLMSPELL_SANITIZE)
    target_link_options(${name} PRIVATE LINKER:-z,defs)
  endif()
endfunction()

function(llmspell_add_tool name)
  _llmspell_add_plugin(tool ${name} ${ARGN})
endfunction()

function(llmspell_add_protocol name)
  _llmspell_add_plugin(protocol ${name} ${ARGN})
endfunction()

function(llmspell_add_runtime name)
  _llmspell_add_plugin(runtime ${name} ${ARGN})
endfunction()
