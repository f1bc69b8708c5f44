# SPDX-License-Identifier: Apache-2.0
# clew_page(OUTPUT): builds the web page of ui/ and writes it as the C++ source OUTPUT. Fetches nothing: tools/setup page has
# put the packages and a link to Node there.
function(clew_page output)
  set(ui ${PROJECT_SOURCE_DIR}/ui)
  set(node ${ui}/node_modules/.clew/node)
  if(NOT EXISTS ${node})
    message(FATAL_ERROR "the packages of the web page are not there: run tools/setup page")
  endif()
  # Which modules there are is the bundler's business; here they only say when to build again.
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${ui}/src/*)
  set(dist ${CMAKE_CURRENT_BINARY_DIR}/page)
  add_custom_command(
    OUTPUT ${output}
    COMMAND ${node} node_modules/vite/bin/vite.js build --logLevel warn --emptyOutDir --outDir ${dist}
    COMMAND ${node} embed.mjs ${dist} ${output}
    DEPENDS ${sources} ${ui}/index.html ${ui}/embed.mjs ${ui}/vite.config.ts ${ui}/package-lock.json
    WORKING_DIRECTORY ${ui}
    COMMENT "Building the web page"
    VERBATIM)
endfunction()
