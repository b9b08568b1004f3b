#!/usr/bin/env bash
# ranks.sh PROGRAM PLAIN [DEVICE]: a job on several ranks under Open MPI leaves the bytes of one process, goes
# on after any rank was killed, and stops in order. PROGRAM is built with --features mpi, PLAIN without. With a
# DEVICE that PROGRAM knows, such as wgpu, ranks share a walk on it too.
set -euo pipefail
cd "$(dirname "$0")/../.."
program=$(realpath "$1") plain=$(realpath "$2") device=${3:-}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1

fail() { echo "failed: $*"; exit 1; }

ranks() { # N ARGUMENTS...: the program on N ranks
    local count=$1
    shift
    mpirun --oversubscribe --bind-to none -n "$count" "$program" "$@"
}

same() { # A B: two runs have the same records
    local file
    for file in "$1"/*.jsonl; do
        [ "$(basename "$file")" = timing.jsonl ] || cmp "$file" "$2/$(basename "$file")" || fail "$1 and $2"
    done
    [ "$(ls "$1"/*.jsonl | wc -l)" = "$(ls "$2"/*.jsonl | wc -l)" ] || fail "$1 and $2: other files"
}

small=(experiments/quickstart.toml --set data.train_samples=600 --set evaluation.batch_size=20)
curvature="{kind='alignment',epochs=[1],batch_sizes=[20,600],batches=2}"
curvature="$curvature,{kind='covariance',epochs=[1],batch_sizes=[20],batches=2,probes=2}"
curvature="$curvature,{kind='spectrum',epochs=[1],top=2,probes=1}"

settings() { # KIND: the experiment and its settings
    case $1 in
    exact) echo train.epochs=2 "measure=[{kind='line',iterations=3,second_order=true},$curvature]" ;;
    certified) echo train.epochs=2 measure.mode=certified measure.iterations=15 ;;
    descent) echo train.optimizer=gd train.epochs=8 measure.points=4 ;;
    lines) echo train.epochs=1 measure.iterations=3 ;;
    recomputed) echo train.epochs=1 evaluation.batch_norm=recomputed measure.iterations=4 ;;
    esac
}

arguments() { # KIND OUT
    local setting
    printf '%s\n' run "${small[@]}" --out "$2"
    for setting in $(settings "$1"); do printf '%s\n' --set "$setting"; done
}

echo "the same bytes on any number of ranks and threads"
for kind in exact certified descent recomputed; do
    readarray -t of < <(arguments $kind "$scratch/$kind")
    "$plain" "${of[@]}" --threads 1 >"$scratch/out" 2>&1 || { cat "$scratch/out"; fail "$kind"; }
    for count in 1 2 3; do
        for threads in 1 2; do
            out=$scratch/$kind-$count-$threads
            readarray -t of < <(arguments $kind "$out")
            ranks $count "${of[@]}" --threads $threads >"$scratch/out" 2>&1 ||
                { cat "$scratch/out"; fail "$out"; }
            same "$scratch/$kind" "$out"
            rm -r "$out"
        done
    done
done

unlike() { # INSTRUCTIONS ARGUMENTS...: two ranks, the second on these
    local other=$1
    shift
    mpirun --oversubscribe --bind-to none -n 1 "$program" "$@" : -n 1 env "LOSSWALK_INSTRUCTIONS=$other" "$program" "$@"
}

has() { # FEATURE: the CPU has it
    grep -qw "$1" /proc/cpuinfo
}

echo "ranks on other instructions share a job where they round alike"
if has avx512f; then
    readarray -t of < <(arguments exact "$scratch/unlike")
    unlike avx2 "${of[@]}" --threads 1 >"$scratch/out" 2>&1 || { cat "$scratch/out"; fail "AVX2 beside AVX-512"; }
    same "$scratch/exact" "$scratch/unlike"
fi
if has fma; then
    readarray -t of < <(arguments exact "$scratch/refused")
    if unlike portable "${of[@]}" >"$scratch/out" 2>&1; then fail "portable beside fused operations"; fi
    grep -q "rank 1 on .*other bits than on rank 0" "$scratch/out" || { cat "$scratch/out"; fail "no reason"; }
    [ ! -e "$scratch/refused" ] || fail "a folder was written"
fi

echo "line, path and verify"
readarray -t of < <(arguments certified "$scratch/saved")
"$plain" "${of[@]}" --set train.save_iterates=true >/dev/null 2>&1
iterates=("$scratch"/saved/iterates/*.safetensors)
pair=(--run "$scratch/saved" --from "${iterates[0]}" --to "${iterates[5]}")
for command in "line ${pair[*]} --json" "line ${pair[*]} --certified" \
    "path --run $scratch/saved ${iterates[*]:0:4}" "verify $scratch/saved --updates 5"; do
    # shellcheck disable=SC2086
    "$plain" $command >"$scratch/expected"
    # shellcheck disable=SC2086
    ranks 2 $command --threads 1 2>/dev/null >"$scratch/found"
    cmp "$scratch/expected" "$scratch/found" || fail "$command"
done
# A wrong normalisation is found with the other ranks, too.
if ranks 2 line "${pair[@]}" --expect-loss 9.99 >"$scratch/out" 2>&1; then fail "--expect-loss"; fi
grep -q "no usual normalisation gives it" "$scratch/out" || { cat "$scratch/out"; fail "--expect-loss"; }

echo "other commands are the leading rank's"
[ "$(ranks 2 data list 2>/dev/null)" = "$("$plain" data list)" ] || fail "data list"

long() { # OUT: a run of some seconds
    arguments exact "$1"
    printf '%s\n' --set train.epochs=12 --set "measure=[{kind='line',iterations=20,points=30}]"
}

rank() { # N: the process of that rank of the job under way
    local process
    for process in $(pgrep -f "^$program run"); do
        if tr '\0' '\n' <"/proc/$process/environ" 2>/dev/null | grep -q "^OMPI_COMM_WORLD_RANK=$1\$"; then
            echo "$process"
            return
        fi
    done
}

start() { # N ARGUMENTS...: a job in the background that has begun to measure
    ranks "$@" --threads 1 >"$scratch/out" 2>&1 &
    job=$!
    for _ in $(seq 200); do
        [ -s "$out/line.jsonl" ] && return
        sleep 0.05
    done
    cat "$scratch/out"
    fail "no line was measured"
}

echo "a rank that is killed ends the job, which goes on with other ranks"
readarray -t of < <(long "$scratch/long")
"$plain" "${of[@]}" >/dev/null 2>&1
for victim in 0 1 2; do
    out=$scratch/killed-$victim
    readarray -t of < <(long "$out")
    start 3 "${of[@]}"
    sleep "0.$((RANDOM % 10))"
    kill -9 "$(rank $victim)"
    if wait $job; then fail "rank $victim was killed and the job went on"; fi
    ranks $((1 + victim)) "${of[@]}" --resume --threads 1 >"$scratch/out" 2>&1 ||
        { cat "$scratch/out"; fail "resume after rank $victim"; }
    same "$scratch/long" "$out"
done

echo "SIGTERM of any rank stops the job in order"
for asked in 0 1 all; do
    out=$scratch/stopped-$asked
    readarray -t of < <(long "$out")
    start 2 "${of[@]}"
    for place in 0 1; do
        [ $asked = all ] || [ $asked = $place ] || continue
        kill -TERM "$(rank $place)"
    done
    code=0
    wait $job || code=$?
    [ $code = 130 ] || { cat "$scratch/out"; fail "SIGTERM of rank $asked: exit code $code"; }
    [ "$(grep -c "^interrupted after" "$scratch/out")" = 1 ] || { cat "$scratch/out"; fail "said once"; }
    "$plain" "${of[@]}" --resume >/dev/null 2>&1
    same "$scratch/long" "$out"
done

echo "what fails on one rank is told with its name; nothing is written"
readarray -t of < <(arguments exact "$scratch/never")
cat >"$scratch/lost" <<EOF
#!/usr/bin/env bash
[ "\$OMPI_COMM_WORLD_RANK" = 0 ] || cd /
exec "\$@"
EOF
chmod +x "$scratch/lost"
python3 - "$scratch" <<'EOF'
import pathlib, struct, sys
folder = pathlib.Path(sys.argv[1]) / "own"
folder.mkdir()
header = lambda text: b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text
def save(name, kind, shape, data):
    text = repr({"descr": kind, "fortran_order": False, "shape": shape}).encode()
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    (folder / name).write_bytes(header(text) + data)
save("images.npy", "|u1", (40, 4, 4), bytes(i * 7 % 256 for i in range(640)))
save("labels.npy", "|u1", (40,), bytes(i % 2 for i in range(40)))
EOF
code=0
(root=$scratch && cd "$root" && mpirun --oversubscribe --bind-to none -n 2 "$scratch/lost" "$program" run \
    "$OLDPWD/experiments/quickstart.toml" --set data.name=npy --set data.root=own --set train.epochs=1 \
    --set evaluation.batch_size=20 --out "$scratch/never") >"$scratch/out" 2>&1 || code=$?
[ $code != 0 ] || fail "a rank without data"
grep -q "^error: rank 1 on .*own" "$scratch/out" || { cat "$scratch/out"; fail "a rank without data"; }
[ ! -e "$scratch/never" ] || fail "a folder was written"

echo "without MPI several processes are refused, once"
code=0
mpirun --oversubscribe --bind-to none -n 2 "$plain" "${of[@]}" >"$scratch/out" 2>&1 || code=$?
[ $code = 2 ] || fail "exit code $code"
[ "$(grep -c "started as 2 processes" "$scratch/out")" = 1 ] || { cat "$scratch/out"; fail "refused once"; }
[ ! -e "$scratch/never" ] || fail "a folder was written"
if [ -n "$device" ]; then
    echo "on $device, two ranks have the steps of one, and its losses up to rounding"
    for count in 1 2; do
        readarray -t of < <(arguments lines "$scratch/on-$count")
        ranks $count "${of[@]}" --device "$device" >"$scratch/out" 2>&1 ||
            { cat "$scratch/out"; fail "$count ranks on $device"; }
    done
    cmp "$scratch"/on-{1,2}/steps.jsonl || fail "steps"
    python3 - "$scratch"/on-{1,2}/line.jsonl <<'EOF'
import json, sys
one, two = (sum((json.loads(line)["losses"] for line in open(path)), []) for path in sys.argv[1:])
errors = [abs(a - b) / a for a, b in zip(one, two, strict=True)]
assert len(errors) > 20 and max(errors) < 1e-6, errors
EOF
fi

echo "ranks: done"
