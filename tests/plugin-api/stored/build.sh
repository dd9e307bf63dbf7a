#!/bin/sh
# Builds the stored binaries beside this script, for x86-64 Linux, from plugin.c and the header as it is now. See
# README.md for when that is right. NAME MAJOR_MIN MAJOR_MAX MINOR_MIN MINOR_BUILT [flags]
set -eu
cd "$(dirname "$0")"
build() {
  name=$1 major_min=$2 major_max=$3 minor_min=$4 minor_built=$5
  shift 5
  ${CC:-gcc} -std=c11 -Os -march=x86-64 -ffreestanding -fPIC -fvisibility=hidden -fno-stack-protector \
    -fcf-protection=none -fno-asynchronous-unwind-tables -Wall -Wextra -I ../../../plugin-api/include \
    -DSTORED_NAME="\"$name\"" -DSTORED_MAJOR_MIN="$major_min" -DSTORED_MAJOR_MAX="$major_max" \
    -DSTORED_MINOR_MIN="$minor_min" -DSTORED_MINOR_BUILT="$minor_built" "$@" \
    -shared -nostdlib -Wl,--build-id=none -Wl,-z,noseparate-code -Wl,--hash-style=gnu -Wl,--gc-sections -s \
    plugin.c -o "$name.so"
  chmod 644 "$name.so"
}
build v0_0 0 0 0 0
build v0_built_3 0 0 0 3
build v0_needs_3 0 0 3 3
build v0_v1 0 1 2 7 -DSTORED_LATER=1
build v1_only 1 1 2 7 -DSTORED_LATER=1
