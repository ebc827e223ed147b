#!/usr/bin/env bash
# Builds stream-gateway in each way that is tested and runs every test; ends with "N passed, N failed".
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: tests/run.sh [--preset NAME] [--long] [--fuzz SECONDS]
  --preset NAME   only this preset, instead of dev, asan and tsan
  --long          also what takes long: long tests, Valkey 8 in Redis' place, and in fresh Debian roots a clean
                  clone and the Dockerfile's steps
  --fuzz SECONDS  also each fuzz target, that long
TEXT
}

refuse() {
    printf 'run.sh: %s\n' "$*" >&2
    usage >&2
    exit 2
}

cd "$(dirname "${BASH_SOURCE[0]}")/.."

presets=(dev asan tsan)
long=no fuzz_seconds=
while [[ $# -gt 0 ]]; do
    case $1 in
    --preset)
        [[ ${2:-} =~ ^[a-z]+$ ]] || refuse "--preset needs a name"
        presets=("$2")
        shift
        ;;
    --long) long=yes ;;
    --fuzz)
        [[ ${2:-} =~ ^[1-9][0-9]*$ ]] || refuse "--fuzz needs a number of seconds"
        fuzz_seconds=$2
        shift
        ;;
    -h | --help)
        usage
        exit 0
        ;;
    *) refuse "unknown option $1" ;;
    esac
    shift
done

# On a machine for tests a missing server is a failure, not a reason to skip.
export GATEWAY_NO_SKIP=1
dependencies=(--tests)
if [[ $long == yes ]]; then
    export GATEWAY_LONG=1
    dependencies+=(--long)
fi
if [[ -n $fuzz_seconds ]]; then
    export GATEWAY_FUZZ_SECONDS=$fuzz_seconds
    dependencies+=(--long)
fi
bash deploy/install-deps.sh "${dependencies[@]}"

passed=0 failed=0

# Counts one thing that isn't a CTest test.
count_one() { # exit status
    if [[ $1 -eq 0 ]]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
}

# Prints "passed failed skipped" from CTest's report.
read_junit() { # file
    python3 - "$1" <<'PY'
import sys, xml.etree.ElementTree
suite = xml.etree.ElementTree.parse(sys.argv[1]).getroot()
tests, failures, skipped, disabled = (int(suite.get(a, 0)) for a in ("tests", "failures", "skipped", "disabled"))
print(tests - failures - skipped - disabled, failures, skipped + disabled)
PY
}

# gcc 12's thread sanitizer can't start where the kernel spreads addresses over more than 28 bits
# (its "unexpected memory mapping"); there it runs without address space randomisation.
set_wrapper() { # preset
    wrapper=()
    if [[ $1 == tsan && $(cat /proc/sys/vm/mmap_rnd_bits 2>/dev/null || echo 0) -gt 28 ]] &&
        setarch "$(uname -m)" -R true 2>/dev/null; then
        wrapper=(setarch "$(uname -m)" -R)
    fi
}

run_preset() { # preset
    local log=build/$1/run.log junit=build/$1/junit.xml started=$SECONDS status=0 counts=(0 0 0) wrapper=()
    mkdir -p "build/$1"
    rm -f "$junit"
    set_wrapper "$1"
    ${wrapper[@]+"${wrapper[@]}"} cmake --workflow --preset "$1" >"$log" 2>&1 </dev/null || status=$?
    if [[ -s $junit ]]; then
        read -r -a counts < <(read_junit "$junit")
    fi
    # A build that failed, or a test that could not be started, which CTest reports as skipped.
    if [[ $status -ne 0 && ${counts[1]} -eq 0 ]]; then counts[1]=1; fi
    if [[ $status -ne 0 && -s $junit ]]; then
        sed -n '/^Test project/,$p' "$log"
    elif [[ $status -ne 0 ]]; then
        cat "$log"
    fi
    passed=$((passed + counts[0]))
    failed=$((failed + counts[1]))
    printf '%-8s %d passed, %d failed, %d skipped, in %d s\n' "$1:" "${counts[@]}" $((SECONDS - started))
}

run_fuzzers() {
    local targets target name regression status
    mkdir -p build/fuzz/crashes
    if ! cmake --workflow --preset fuzz >build/fuzz/run.log 2>&1 </dev/null; then
        cat build/fuzz/run.log
        printf 'fuzz:    the build failed\n'
        failed=$((failed + 1))
        return
    fi
    mapfile -t targets < <(find build/fuzz -type f -executable -name 'fuzz_*' | sort)
    if [[ ${#targets[@]} -eq 0 ]]; then
        printf 'fuzz:    nothing was fuzzed, the preset builds no fuzz_* program\n'
    fi
    for target in ${targets[@]+"${targets[@]}"}; do
        name=${target##*/} status=0
        # Finds go to the first folder; crashes of the past are tried again.
        mkdir -p "build/fuzz/corpus/$name"
        regression=tests/fuzz/regression/$name
        [[ -d $regression ]] || regression=
        "$target" -max_total_time="$fuzz_seconds" -timeout=10 -artifact_prefix="build/fuzz/crashes/$name-" \
            "build/fuzz/corpus/$name" ${regression:+"$regression"} >"$target.log" 2>&1 </dev/null || status=$?
        if [[ $status -ne 0 ]]; then cat "$target.log"; fi
        printf 'fuzz:    %s, status %d: %s\n' "$name" "$status" "$(grep -E '^Done ' "$target.log" || echo "see above")"
        count_one "$status"
    done
}

run_clean_clone() { # Debian release
    local log=build/clean-clone-$1.log started=$SECONDS status=0
    bash tests/clean-clone.sh "$1" >"$log" 2>&1 </dev/null || status=$?
    if [[ $status -ne 0 ]]; then cat "$log"; fi
    printf 'clean clone in %s: status %d, in %d s\n' "$1" "$status" $((SECONDS - started))
    count_one "$status"
}

run_dockerfile() {
    local log=build/dockerfile.log started=$SECONDS status=0
    bash tests/e2e/dockerfile.sh >"$log" 2>&1 </dev/null || status=$?
    if [[ $status -ne 0 ]]; then cat "$log"; fi
    printf 'Dockerfile, carried out in Debian roots: status %d, in %d s\n' "$status" $((SECONDS - started))
    count_one "$status"
}

run_valkey() { # preset, built
    local log=build/valkey.log started=$SECONDS status=0
    bash tests/valkey.sh "build/$1" >"$log" 2>&1 </dev/null || status=$?
    if [[ $status -ne 0 ]]; then cat "$log"; fi
    printf 'valkey:  %s; %s, status %d, in %d s\n' "$(sed -n 's/^Valkey server \(v=[^ ]*\).*/\1/p' "$log")" \
        "$(grep -E ' tests passed' "$log" || echo "no test ran")" "$status" $((SECONDS - started))
    count_one "$status"
}

for preset in "${presets[@]}"; do
    run_preset "$preset"
done
if [[ -n $fuzz_seconds ]]; then run_fuzzers; fi
if [[ $long == yes ]]; then
    run_valkey "${presets[0]}"
    run_clean_clone bookworm
    run_clean_clone trixie
    run_dockerfile
fi

printf '%d passed, %d failed\n' "$passed" "$failed"
[[ $failed -eq 0 && $passed -gt 0 ]]
