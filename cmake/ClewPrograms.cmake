# SPDX-License-Identifier: Apache-2.0
# Target clew_programs: every program and loadable module that people run, without tests, benchmarks and fuzz targets.
# Called at the end of the root file, when every folder has declared its targets.
function(clew_collect_programs directory)
  get_property(targets DIRECTORY ${directory} PROPERTY BUILDSYSTEM_TARGETS)
  foreach(target IN LISTS targets)
    get_target_property(type ${target} TYPE)
    if(type MATCHES "^(EXECUTABLE|MODULE_LIBRARY|SHARED_LIBRARY)$" AND NOT target MATCHES "_test$|_bench$|^clew_(fuzz|bench)_")
      add_dependencies(clew_programs ${target})
    endif()
  endforeach()
  get_property(subdirectories DIRECTORY ${directory} PROPERTY SUBDIRECTORIES)
  foreach(subdirectory IN LISTS subdirectories)
    clew_collect_programs(${subdirectory})
  endforeach()
endfunction()

function(clew_programs)
  add_custom_target(clew_programs)
  clew_collect_programs(${PROJECT_SOURCE_DIR})
endfunction()
