# Sets up what the program and its tests need, and only what is missing. Sourced by start, test and run.
# Reads: PYTHON (the interpreter to use). Writes: .venv in the checkout; Debian packages, where something is missing.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
stamp=.venv/.installed

say() { printf '%s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# prepare EXTRA [COMMAND...]: Qt's system libraries, the commands, and .venv with the program and with EXTRA's packages.
prepare() {
    local extra=$1 python wanted current=yes packages
    shift
    python=$(find_python)
    # The place is part of it: an environment cannot be moved.
    wanted="$(cat pyproject.toml constraints.txt visualizer/__init__.py | cksum) $("$python" -V 2>&1) $PWD"
    is_installed "$wanted" "$extra" || current=
    # All that is missing is asked for at once.
    packages=$(missing_libraries "$python"; missing_commands "$@"; [ "$current" ] || missing_venv "$python")
    # shellcheck disable=SC2086  # a word for each package is meant
    install_packages $packages
    [ "$current" ] || install_environment "$python" "$wanted" "$extra"
}

find_python() {
    local name
    for name in ${PYTHON:-python3.11 python3 python3.12 python3.13 python3.14}; do
        # Asked to run, not only looked up: a version manager's stub may stand for a version that is not there.
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
            printf '%s\n' "$name"
            return
        fi
    done
    die "Python 3.11 or newer is needed, and ${PYTHON:-python3} is not that. Install it, or name one: PYTHON=python3.11"
}

# The program itself knows what Qt needs of the system; what does not load is missing.
missing_libraries() {
    [ "$(uname -s)" = Linux ] || return 0
    "$1" -c '
import ctypes
from visualizer.base.system_libraries import PACKAGES
missing = []
for library, package in PACKAGES.items():
    try:
        ctypes.CDLL(library)
    except OSError:
        missing.append(package)
print(*dict.fromkeys(missing))
'
}

# Each command's Debian package has its name in small letters.
missing_commands() {
    local name
    [ "$(uname -s)" = Linux ] || return 0
    for name in "$@"; do
        command -v "$name" >/dev/null || printf '%s\n' "${name,,}"
    done
}

missing_venv() {
    "$1" -c 'import ensurepip, venv' 2>/dev/null || "$1" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])'
}

install_packages() {
    local root=()
    [ $# -gt 0 ] || return 0
    local how="apt-get update && apt-get install --no-install-recommends $*"
    command -v apt-get >/dev/null || die "System packages are missing. On Debian it would be: $how
Install the same with your system's package manager, then start this again."
    if [ "$(id -u)" -ne 0 ]; then
        root=(sudo)
        [ -t 0 ] || root=(sudo -n)  # nobody is there to type a password
        command -v sudo >/dev/null && { [ -t 0 ] || sudo -n true 2>/dev/null; } ||
            die "System packages are missing. As root, run: $how"
    fi
    say "Installing system packages: $*"
    local apt=("${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -y)
    # The package lists of a fresh machine are empty or old; they are fetched only when the first try needs them.
    "${apt[@]}" install --no-install-recommends "$@" </dev/null >/dev/null 2>&1 ||
        { "${apt[@]}" update </dev/null >/dev/null &&
          "${apt[@]}" install --no-install-recommends "$@" </dev/null >/dev/null; } ||
        die "System packages could not be installed. As root, run: $how"
}

is_installed() {
    [ -f "$stamp" ] && .venv/bin/python -c '' 2>/dev/null || return 1
    case $(cat "$stamp") in
        "$1 [$2]" | "$1 [test]") return 0 ;;  # a test environment also serves the program
    esac
    return 1
}

install_environment() {
    local python=$1 wanted=$2 extra=$3
    say "Installing the Python packages into .venv (once, a few minutes) ..."
    "$python" -m venv --clear .venv
    local pip=(.venv/bin/python -m pip --disable-pip-version-check install --constraint constraints.txt)
    [ -t 1 ] || pip+=(-qq)  # a person sees how far the downloads are; a log needs only errors
    # The build backend first, pinned like everything else, in place of pip's own unpinned download of it.
    "${pip[@]}" hatchling editables &&
        "${pip[@]}" --no-build-isolation --editable ".${extra:+[$extra]}" ||
        die "The Python packages could not be installed; what pip says stands above."
    printf '%s\n' "$wanted [$extra]" >"$stamp"
}
