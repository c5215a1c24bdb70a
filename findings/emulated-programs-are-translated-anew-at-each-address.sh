#!/bin/bash
# sudo findings/emulated-programs-are-translated-anew-at-each-address.sh
#
# An emulated machine translates the same program again and again, since Linux gives each of its processes other addresses.
#
# Expected: QEMU translates the code of a program, the C library and the loader once, as they lie in the same memory (the page cache)
#   whoever runs them; a process more costs no translation.
# Found: without KVM, booting and 100 runs of one program leave 280,000 translated blocks, and 81,000 with `norandmaps`, which turns the
#   random layout of address spaces off: some 2,000 blocks more for each process, however often it ran before. 360 of them take less
#   than half of a processor's time then.
# Versions: QEMU 7.2 (Debian 12), Linux 6.1, 2026-12-01.
# Source: `info jit` of QEMU's monitor; norandmaps in Documentation/admin-guide/kernel-parameters.txt.
# Why it matters: tests in an emulated machine start hundreds of processes. A word on its kernel's command line halves their time.
set -euo pipefail

work=$(mktemp --directory)
trap 'rm -rf "$work"' EXIT
cd "$work"
[ "$(dpkg --print-architecture)" = amd64 ] || { echo "needs an amd64 machine" >&2; exit 2; }
command -v qemu-system-x86_64 >/dev/null || { echo "needs qemu-system-x86" >&2; exit 2; }
chmod 755 .
for package in "$(apt-cache depends linux-image-cloud-amd64 | sed --quiet 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p')" busybox-static; do
    apt-get -o APT::Sandbox::User=root download "$package" >/dev/null
done
for package in *.deb; do
    dpkg-deb --extract "$package" .
done

# A first process that runs a program of the C library, and says when it has.
mkdir -p root/bin
cp bin/busybox root/bin
cp --dereference --parents /bin/true $(ldd /bin/true | grep -o '/[^ ]*') root
cat >root/init <<'SH'
#!/bin/busybox sh
for number in $(/bin/busybox seq 100); do /bin/true; done
echo "ran 100 programs" >/dev/ttyS0
/bin/busybox sleep 60
SH
chmod 755 root/init
mkdir root/dev
mknod root/dev/ttyS0 c 4 64
mknod root/dev/console c 5 1
(cd root && find . | ../bin/busybox cpio -o -H newc 2>/dev/null) >initrd

# blocks WORDS: how many translated blocks there are after those programs, with WORDS on the kernel's command line.
blocks() {
    local seconds
    : >console
    mkfifo monitor
    timeout 120 qemu-system-x86_64 -accel tcg -m 256M -nodefaults -display none -no-reboot \
        -serial file:console -monitor stdio -kernel boot/vmlinuz-* -initrd initrd -append "console=ttyS0 quiet $*" <monitor >said 2>&1 &
    exec 9>monitor
    for ((seconds = 0; seconds < 60; seconds++)); do
        ! grep -q 'ran 100 programs' console || break
        sleep 1
    done
    printf 'info jit\nquit\n' >&9
    wait $!
    exec 9>&-
    rm monitor
    sed --quiet 's/^TB count *\([0-9]*\).*/\1/p' said
}

random=$(blocks)
same=$(blocks norandmaps)
echo "translated blocks: $random, with norandmaps $same" >&2
if ((random > 3 * same)); then
    echo "each process is translated anew"
else
    echo "the behaviour has changed"
    exit 1
fi
