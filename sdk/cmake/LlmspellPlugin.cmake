# SPDX-License-Identifier: Apache-2.0
# llmspell_add_tool(NAME …), llmspell_add_protocol(NAME …), llmspell_add_runtime(NAME …)
#   [SOURCES file…]      default: NAME.c
#   [MANIFEST file]      default: NAME.json
#   [LIBRARIES lib…]     linked to this plugin alone
# Each makes one shared object NAME.so with the manifest in an ELF note and one exported symbol.
# A tool whose manifest describes a C function ("native" with "library": null) exports what the
# description names instead: its source needs neither the SDK's headers nor a macro.
# Used by our own build and, installed, by plugin authors (find_package(LlmspellSDK)).

set(LLMSPELL_CMAKE_DIR ${CMAKE_CURRENT_LIST_DIR})

# The symbols that "native" of a manifest names: none if it is no such plugin.
function(_llmspell_native_symbols manifest ret_symbols)
  set(symbols)
  file(READ ${manifest} text)
  string(JSON library ERROR_VARIABLE missing GET "${text}" native library)
  if(NOT missing AND library STREQUAL "")
    string(JSON symbol GET "${text}" native symbol)
    list(APPEND symbols ${symbol})
    foreach(path "free" "status;message")
      string(JSON symbol ERROR_VARIABLE missing GET "${text}" native returns ${path})
      list(APPEND symbols ${symbol})
    endforeach()
    string(JSON count ERROR_VARIABLE missing LENGTH "${text}" native arguments)
    if(NOT missing AND count GREATER 0)
      math(EXPR last "${count} - 1")
      foreach(i RANGE ${last})
        string(JSON symbol ERROR_VARIABLE missing GET "${text}" native arguments ${i} free)
        list(APPEND symbols ${symbol})
      endforeach()
    endif()
    list(FILTER symbols EXCLUDE REGEX "NOTFOUND$|^(free|none|strerror)$")
    list(REMOVE_DUPLICATES symbols)
  endif()
  set(${ret_symbols} "${symbols}" PARENT_SCOPE)
endfunction()

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
  configure_file(${CMAKE_CURRENT_FUNCTION_LIST_DIR}/note.S.in ${note} @ONLY)
  set_source_files_properties(${note} PROPERTIES OBJECT_DEPENDS ${manifest} LANGUAGE ASM)

  add_library(${name} MODULE ${P_SOURCES} ${note})
  target_link_libraries(${name} PRIVATE Llmspell::sdk ${P_LIBRARIES})
  set_target_properties(${name} PROPERTIES
    PREFIX "" SUFFIX ".so" OUTPUT_NAME ${name}
    C_VISIBILITY_PRESET hidden CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON
    LLMSPELL_KIND ${kind})
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${manifest})
  _llmspell_native_symbols(${manifest} native)
  if(native)
    list(JOIN native "; " exported)
    set(map ${CMAKE_CURRENT_BINARY_DIR}/${name}.map)
    file(WRITE ${map} "{ global: ${exported}; local: *; };\n")
    set_target_properties(${name} PROPERTIES C_VISIBILITY_PRESET default
      CXX_VISIBILITY_PRESET default VISIBILITY_INLINES_HIDDEN OFF LINK_DEPENDS ${map})
    target_link_options(${name} PRIVATE LINKER:--version-script=${map})
  endif()
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
