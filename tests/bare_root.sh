#!/bin/bash
# Shows the two commands in a bare Debian: debootstrap, python3, python3-venv, make and nothing else.
#
#   tests/bare_root.sh bookworm|trixie [TARGET...]      as root; default targets: run test
#
# The root is made in /var/tmp/pilotwire-SUITE, kept for the next time, and the project's committed
# state is put into it anew. The commands run there as an ordinary user.
set -euo pipefail

suite=${1:?which Debian: bookworm or trixie}
shift
targets=("${@:-}")
[[ -n ${targets[0]} ]] || targets=("run ONCE=1" "test")
root=/var/tmp/pilotwire-$suite
home=/home/tester/pilotwire
source=$(cd "$(dirname "$0")/.." && pwd)

if [[ ! -e $root/.made ]]; then
    rm -rf "$root"
    debootstrap --variant=minbase --include=ca-certificates,make,python3,python3-venv \
        "$suite" "$root" >"/var/tmp/pilotwire-$suite.log"
    chroot "$root" useradd --create-home tester
    touch "$root/.made"
fi

# The way to the package index is the machine's own: names, certificates, pip's settings.
cp /etc/resolv.conf "$root/etc/resolv.conf"
cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
[[ ! -e /etc/pip.conf ]] || cp /etc/pip.conf "$root/etc/pip.conf"

rm -rf "${root:?}$home"
mkdir -p "$root$home"
git -C "$source" archive HEAD | tar -x -C "$root$home"
chroot "$root" chown -R tester: "$home"

trap 'umount -l "$root/proc" "$root/dev/shm" "$root/dev" 2>/dev/null || true' EXIT
mount -t proc proc "$root/proc"
mount --bind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/dev/shm"

for target in "${targets[@]}"; do
    echo "=== $suite, $(chroot "$root" python3 --version): make $target"
    began=$(date +%s.%N)
    chroot "$root" su tester -s /bin/sh -c "cd $home && env -u PIP_FIND_LINKS make $target" </dev/null
    printf '=== %s: make %s took %.1f s\n' "$suite" "$target" "$(echo "$(date +%s.%N) $began" | awk '{print $1 - $2}')"
done
