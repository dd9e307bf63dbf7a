#!/usr/bin/env bash
# What the cuda plugin must hold on a machine with an NVIDIA GPU, in a few minutes; a short table comes last.
#   run_on_gpu.sh                 builds in build/release and runs
#   run_on_gpu.sh --pack FILE     builds here, on a machine without a GPU, and puts what runs there into FILE (tar.xz)
#   run_on_gpu.sh --built FILE    runs what --pack made, in a checkout of the same commit
# MEMCHECK=1 adds kernels under compute-sanitizer. Logs: $OUT, or build/gpu.
set -uo pipefail
cd "$(dirname "$0")/../../.."
source=$PWD
build=$PWD/build/release
programs="${PROGRAMS:-cuda_plugin_test backplane-conform conformance_test golden_test engine_test backplane}"
fail() { echo "run_on_gpu.sh: $*" >&2; exit 1; }

build_all() {
  cmake --preset release -DBACKPLANE_TESTS=ON -DBACKPLANE_CUDA=ON >/dev/null && cmake --build --preset release --target cuda cpu fake_capture $programs
}

# The programs, stripped, in the places that they know, and the libraries that Ubuntu 24.04 lacks.
pack() {
  local archive=$1 to=$source/build/gpu_pack program file
  build_all || fail "it does not build"
  rm -rf "$to" && mkdir -p "$to/libs" || fail "no folder $to"
  echo "$source $build" > "$to/paths"
  for program in $programs lib/backplane/plugins/cuda.so lib/backplane/plugins/cpu.so tests/fakes/wrapping/capture.so; do
    file=$build/$program
    [ -f "$file" ] || file=$build/bin/$program
    [ -f "$file" ] || fail "no $program in $build"
    mkdir -p "$to/$(dirname "${file#"$build"/}")"
    strip -o "$to/${file#"$build"/}" "$file" || fail "$file cannot be stripped"
    ldd "$file" | sed -n 's/.* => \(\/[^ ]*\) .*/\1/p'
  done | sort -u | grep -vE '/(libc|libm|libpthread|libdl|librt|libstdc\+\+|libgcc_s|ld-linux[^/]*)\.so' | xargs -I{} cp -L {} "$to/libs/"
  find "$build/libexec" "$build/lib/backplane" -type f -perm -u+x 2>/dev/null | while read -r file; do
    mkdir -p "$to/$(dirname "${file#"$build"/}")" && [ -e "$to/${file#"$build"/}" ] || cp "$file" "$to/${file#"$build"/}"
  done
  tar -C "$to" -c . | xz -1 -T0 > "$archive" && ls -l "$archive"
}

# Links from the places that the programs were built in.
unpack() {
  local from=$source/build/gpu_pack was_source was_build
  rm -rf "$from" && mkdir -p "$from" && { tar -C "$from" -xf "$1" || python3 -m tarfile -e "$1" "$from"; } || fail "cannot unpack $1"
  read -r was_source was_build < "$from/paths"
  [ -e "$was_source" ] || { mkdir -p "$(dirname "$was_source")" && ln -s "$source" "$was_source"; }
  [ -e "$was_build" ] || { mkdir -p "$(dirname "$was_build")" && ln -s "$from" "$was_build"; }
  export LD_LIBRARY_PATH=$from/libs:${LD_LIBRARY_PATH:-}
  build=$from
}

case "${1:-}" in
  --pack) pack "${2:?file}"; exit ;;
  --built) unpack "${2:?file}" ;;
  "") build_all || fail "it does not build" ;;
  *) fail "unknown option $1" ;;
esac

logs=${OUT:-$PWD/build/gpu}
mkdir -p "$logs"
table=()
failures=0
# step NAME PROGRAM ARGUMENTS…: runs a GoogleTest program or another command.
step() {
  local name=$1 program=$2 begin=$SECONDS status note
  shift 2
  "$build/bin/$program" "$@" >"$logs/$name.log" 2>&1
  status=$?
  note=$(sed -n -e 's/^\[ *\(PASSED\|FAILED\|SKIPPED\) *\] \([0-9]*\) test.*/\2 \1/p' -e '/^[0-9]* passed, /p' -e '/^grade/p' "$logs/$name.log" | tr '\n' ' ')
  [ $status -eq 0 ] || { failures=$((failures + 1)); echo "== $name"; grep -E 'Failure|FAILED|error|: [0-9]+: ' -A6 "$logs/$name.log" | head -"${LINES_OF_FAILURE:-60}"; }
  table+=("$(printf '%-14s %-6s %5ds  %s' "$name" "$([ $status -eq 0 ] && echo ok || echo FAILED)" $((SECONDS - begin)) "$note")")
}

echo "$(nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader)"
step devices backplane devices
step plugin cuda_plugin_test
step conformance backplane-conform "$build/lib/backplane/plugins/cuda.so" --no-progress --report "$logs"
BACKPLANE_CONFORM_PLUGIN=$build/lib/backplane/plugins/cuda.so step bits conformance_test
step llama golden_test --gtest_filter='*/llama:*/qwen3_moe'
step goldens golden_test --gtest_filter="${GOLDENS:-*Golden*}"
BP_TRACE_STEPS=${STEPS:-1000} step capture engine_test --gtest_filter='*cuda_*:Capture.AGpu*'
step memory engine_test --gtest_filter='Plan.OfAGpu*'
if [ "${MEMCHECK:-0}" = 1 ]; then
  status=ok
  compute-sanitizer --target-processes all --error-exitcode 1 "$build/bin/backplane-conform" "$build/lib/backplane/plugins/cuda.so" \
    --no-progress --no-times --only "${MEMCHECK_CASES:-^(attention_(f16|everything)|matmul_(f32|bf16|q8_0|q4_k)_odd|sample_33|topk_8|expert_sort_2|kv_|gather_rows_q6_k|scatter_last_f32_33|rms_norm_33)}" >"$logs/memcheck.log" 2>&1 || { status=FAILED; failures=$((failures + 1)); }
  table+=("$(printf '%-14s %-6s        %s' memcheck $status "$(grep 'ERROR SUMMARY' "$logs/memcheck.log" | sort | uniq -c | tr '\n' ' ')")")
fi
grep -h 'planned slabs' "$logs/memory.log"
printf '%s\n' "${table[@]}"
[ $failures -eq 0 ]
