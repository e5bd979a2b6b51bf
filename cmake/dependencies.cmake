# Everything comes from Debian's packages (the list is in ./dev). System headers are not held to our warnings.
find_package(Threads REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(CURL REQUIRED)
find_package(ZLIB REQUIRED)
find_package(GTest REQUIRED)
find_package(spdlog REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(LIBDEFLATE REQUIRED IMPORTED_TARGET libdeflate)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)
pkg_check_modules(SODIUM REQUIRED IMPORTED_TARGET libsodium)
pkg_check_modules(CRYPT REQUIRED IMPORTED_TARGET libcrypt)

find_library(TARN_ROCKSDB_LIBRARY rocksdb REQUIRED)
add_library(tarn_rocksdb INTERFACE)
target_link_libraries(tarn_rocksdb INTERFACE ${TARN_ROCKSDB_LIBRARY})

find_library(TARN_SIMDJSON_LIBRARY simdjson REQUIRED)
add_library(tarn_simdjson INTERFACE)
target_link_libraries(tarn_simdjson INTERFACE ${TARN_SIMDJSON_LIBRARY})

# Debian ships llhttp as C sources. Strict mode is not the default and must be: without it CVE-2023-30589 and
# CVE-2025-23167 are accepted (tests/…/request_parser_test.cc holds the table).
find_path(TARN_LLHTTP_SOURCES llhttp.c PATHS /usr/share/llhttp REQUIRED)
find_path(TARN_LLHTTP_INCLUDE llhttp.h PATHS /usr/share/include/llhttp REQUIRED)
add_library(tarn_llhttp STATIC
  ${TARN_LLHTTP_SOURCES}/llhttp.c ${TARN_LLHTTP_SOURCES}/api.c ${TARN_LLHTTP_SOURCES}/http.c)
target_compile_definitions(tarn_llhttp PUBLIC LLHTTP_STRICT_MODE=1)
target_include_directories(tarn_llhttp SYSTEM PUBLIC ${TARN_LLHTTP_INCLUDE})
target_compile_options(tarn_llhttp PRIVATE -O2)

find_program(TARN_FLATC flatc REQUIRED)

# spdlog and fmt are compiled libraries on Debian; Boost.Asio, CLI11, toml++ and FlatBuffers are headers only.
