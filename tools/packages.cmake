# SPDX-License-Identifier: Apache-2.0
# Debian packages (`make deb`): llmspell, llmspell-plugins, llmspell-dev, one for each component of
# the install rules. Their files are under /usr, whatever prefix the build has.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME llmspell)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_CONTACT "The llmspell authors")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "kernel host for scripts that call tools")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL llmspell plugins dev)
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_ENABLE_COMPONENT_DEPENDS OFF)

set(CPACK_DEBIAN_LLMSPELL_PACKAGE_NAME llmspell)
set(CPACK_DEBIAN_LLMSPELL_PACKAGE_SECTION utils)
set(CPACK_DEBIAN_LLMSPELL_PACKAGE_RECOMMENDS llmspell-plugins)
set(CPACK_COMPONENT_LLMSPELL_DESCRIPTION "kernel host for scripts that call tools
 A daemon and a command that run scripts, serve Jupyter clients, and call tools; everything but the
 host itself is a plugin.")

set(CPACK_DEBIAN_PLUGINS_PACKAGE_NAME llmspell-plugins)
set(CPACK_DEBIAN_PLUGINS_PACKAGE_SECTION utils)
set(CPACK_DEBIAN_PLUGINS_PACKAGE_DEPENDS "llmspell (= ${PROJECT_VERSION})")
set(CPACK_COMPONENT_PLUGINS_DESCRIPTION "protocols, runtimes and tools of llmspell
 The plugins that come with llmspell: the Jupyter protocol, Lua, and the built-in tools.")

set(CPACK_DEBIAN_DEV_PACKAGE_NAME llmspell-dev)
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEV_PACKAGE_SHLIBDEPS OFF)
set(CPACK_DEBIAN_DEV_PACKAGE_DEPENDS "libjansson-dev (>= 2.14)")
set(CPACK_DEBIAN_DEV_PACKAGE_RECOMMENDS "llmspell (= ${PROJECT_VERSION}), cmake (>= 3.22) | pkgconf")
set(CPACK_COMPONENT_DEV_DESCRIPTION "headers and templates for plugins of llmspell
 The SDK: C headers, a CMake package, a pkg-config file, templates, the schema of manifests.")

include(CPack)
