# Shared by the scripts of this repository: what they print, what they install, how they build. Sourced, with `set -euo pipefail`.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
LOGS=$ROOT/artifacts/logs

export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
# No build server stays behind; who has the compiler stay for a while ends it.
export MSBUILDDISABLENODEREUSE=1 DOTNET_CLI_USE_MSBUILD_SERVER=0 UseSharedCompilation=${UseSharedCompilation:-false}

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
    bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' green=$'\e[32m' yellow=$'\e[33m' cyan=$'\e[36m' plain=$'\e[0m'
else
    bold='' dim='' red='' green='' yellow='' cyan='' plain=''
fi

die() {
    printf '%s%s:%s %s\n' "$red" "${0#"$ROOT"/}" "$plain" "$*" >&2
    exit 1
}

need_root() {
    [ "$(id -u)" = 0 ] || die "needs root, for network namespaces: sudo ${0#"$PWD"/}"
}

# stage NAME COMMAND…: runs COMMAND with one line to show for it; its output goes to a log, which is printed if it fails.
stage() {
    local name=$1 started=$EPOCHREALTIME log spinner='' status=0
    shift
    mkdir -p "$LOGS"
    log=$(tr -cs '[:alnum:]' '-' <<<"${name,,}")
    log=$LOGS/${log%-}.log
    if [ -t 1 ]; then
        spin "$name" "$started" &
        spinner=$!
    fi
    # In the foreground, so that Ctrl-C reaches it.
    "$@" >"$log" 2>&1 </dev/null || status=$?
    if [ -n "$spinner" ]; then
        kill "$spinner" && wait "$spinner" || true
        printf '\r'
    fi
    if [ "$status" != 0 ]; then
        printf '  %s✗%s %-52s failed:\n\n' "$red" "$plain" "$name"
        cat "$log"
        exit "$status"
    fi
    printf '  %s✓%s %-52s %s%6s s%s\n' "$green" "$plain" "$name" "$dim" "$(seconds_since "$started")" "$plain"
}

spin() {
    while kill -0 $$ 2>/dev/null; do
        printf '\r  %s…%s %-52s %s%6s s%s' "$yellow" "$plain" "$1" "$dim" "$(seconds_since "$2")" "$plain"
        sleep 0.2
    done
}

# elapsed FROM TO: the milliseconds between two values of EPOCHREALTIME, with one decimal place.
elapsed() {
    # The locale decides which character separates the microseconds.
    local tenths=$(((${2/[.,]/} - ${1/[.,]/}) / 100))
    echo "$((tenths / 10)).$((tenths % 10))"
}

seconds_since() {
    local tenths=$(((${EPOCHREALTIME/[.,]/} - ${1/[.,]/}) / 100000))
    echo "$((tenths / 10)).$((tenths % 10))"
}

# need_packages PACKAGE…: installs those of Debian's packages that are missing.
need_packages() {
    local missing=() package
    command -v dpkg-query >/dev/null || die "this is not a Debian system: install the equivalents of: $*"
    for package; do
        [ "$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    [ "$(id -u)" = 0 ] || die "missing packages: run \`sudo apt-get install ${missing[*]}\` first"
    stage "Installing ${missing[*]}" install_packages "${missing[@]}"
}

install_packages() {
    export DEBIAN_FRONTEND=noninteractive
    with_package_lists timeout --foreground 900 apt-get -o DPkg::Lock::Timeout=600 install --yes --no-install-recommends "$@"
}

# with_package_lists COMMAND…: runs it, and if it fails, once more with new lists of Debian's packages.
with_package_lists() {
    "$@" || { timeout --foreground 300 apt-get update && "$@"; }
}

# Finds the .NET SDK also where sudo's PATH does not reach.
need_dotnet() {
    local home directory
    home=$(getent passwd "${SUDO_USER:-root}" | cut -d: -f6)
    for directory in "${DOTNET_ROOT:-}" /usr/share/dotnet /usr/lib/dotnet /usr/local/share/dotnet /usr/local/dotnet "$home/.dotnet"; do
        command -v dotnet >/dev/null && break
        [ -x "$directory/dotnet" ] && PATH=$directory:$PATH
    done
    command -v dotnet >/dev/null || die "no dotnet found: install the .NET 10 SDK, https://dotnet.microsoft.com/download/dotnet/10.0"
    (cd "$ROOT" && dotnet --list-sdks) | grep -q '^10\.' ||
        die "$(command -v dotnet) has no SDK 10: install the .NET 10 SDK, https://dotnet.microsoft.com/download/dotnet/10.0"
    DOTNET_ROOT=$(dirname "$(readlink -f "$(command -v dotnet)")")
    export DOTNET_ROOT
}

# What a build under sudo makes belongs to who called it.
give_back() {
    [ -z "${SUDO_UID:-}" ] || chown -R "$SUDO_UID:${SUDO_GID:-$SUDO_UID}" "$ROOT/artifacts"
}
