#!/usr/bin/env bash
# The scenario's machine: one QEMU process, found by its pid file.
#
# Usage: vm.sh start   boots it, and returns once ssh answers; the first start makes its disk
#        vm.sh kill    takes its power away: memory is lost, the disk stays
#        vm.sh stop    ends it for good, disk and all
set -euo pipefail

cache=$(realpath "$(dirname "$0")/../../..")/.cache/vm
image=$cache/image
run=$cache/run

fail() {
    echo "vm.sh: $1" >&2
    exit 1
}

# A pid may have gone to another process since: the disk's path on its command line tells.
is_running() {
    [[ -f $run/pid ]] && grep -qsF "$run/disk.img" "/proc/$(<"$run/pid")/cmdline"
}

boot() {
    local kernel="root=/dev/vda rw console=ttyS0"
    local -a accelerator=(-accel kvm -cpu host)
    if [[ $1 == tcg ]]; then
        # A processor without AVX: emulating that costs a quarter of the speed. The rest is x86-64-v2.
        accelerator=(-accel "tcg,thread=multi" -cpu "qemu64,+ssse3,+sse4.1,+sse4.2,+popcnt")
        # It speculates on nothing, so there is nothing to mitigate.
        kernel+=" mitigations=off"
    fi
    # cache=unsafe leaves out the host's own fsync, nothing else. What the guest wrote is in the host's
    # page cache, which outlives QEMU, so a killed QEMU loses what a power cut takes from a machine with
    # an honest disk: what the guest had in memory and not yet flushed.
    #
    # QEMU returns when the machine runs. What it says after that is lost without -D, which needs a -d.
    qemu-system-x86_64 -daemonize -pidfile "$run/pid" -d guest_errors -D "$run/qemu.log" \
        -machine q35 "${accelerator[@]}" -smp 2 -m 4096 \
        -nodefaults -display none -serial "file:$run/console.log" \
        -kernel "$image/vmlinuz" -initrd "$image/initrd.img" -append "$kernel" \
        -drive "file=$run/disk.img,if=virtio,format=raw,cache=unsafe" \
        -netdev tap,id=in,ifname=django-vm,script=no,downscript=no \
        -device virtio-net-pci,netdev=in,mac=52:54:00:d1:00:02 \
        -device virtio-rng-pci
}

# Whether ssh answers within so many seconds.
is_reached_within() {
    local deadline=$((SECONDS + $1))
    until ssh -i "$cache/ssh/id_ed25519" -o UserKnownHostsFile="$cache/ssh/known_hosts" -o BatchMode=yes \
        -o StrictHostKeyChecking=yes -o ConnectTimeout=5 root@10.213.1.2 true 2>"$run/ssh.log"; do
        ((SECONDS < deadline)) && is_running || return 1
        # QEMU stays there, with the guest stopped for good.
        ! grep -q "KVM internal error" "$run/qemu.log" || return 1
        sleep 1
    done
}

cut_power() {
    local pid
    is_running || return 0
    pid=$(<"$run/pid")
    kill -KILL "$pid"
    # Not until it is gone altogether does it let go of its network interface.
    timeout 60 tail --pid="$pid" --follow /dev/null || fail "QEMU, process $pid, does not end"
}

# There may be a /dev/kvm that can't run a guest: only a boot tells.
first_start() {
    local accelerator
    mkdir -p "$run"
    for accelerator in kvm tcg; do
        [[ $accelerator == tcg || -w /dev/kvm ]] || continue
        cp --sparse=always "$image/disk.img" "$run/disk.img"
        if boot "$accelerator" && is_reached_within "$([[ $accelerator == kvm ]] && echo 60 || echo 300)"; then
            echo "$accelerator" >"$run/accelerator"
            return
        fi
        cut_power
    done
    fail "the machine does not answer to ssh: see console.log, qemu.log and ssh.log in $run"
}

start() {
    if is_running; then
        echo "already running"
        return
    fi
    if [[ ! -f $run/accelerator ]]; then
        first_start
    elif ! { boot "$(<"$run/accelerator")" && is_reached_within 300; }; then
        fail "the machine does not come back: see console.log, qemu.log and ssh.log in $run"
    fi
    echo "running under $(<"$run/accelerator")"
}

stop() {
    if [[ ! -d $run ]]; then
        echo "not running"
        return
    fi
    cut_power
    rm -r "$run"
    echo "stopped"
}

case ${1-} in
    start) start ;;
    kill) cut_power ;;
    stop) stop ;;
    *) fail "say what to do: start, kill or stop" ;;
esac
