# Sets up what the program and its tests need, and only what is missing. Sourced by start, test and run.
# Reads: PYTHON (the interpreter to use), CI. Writes: .venv in the checkout.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
checkout=$PWD
stamp=.venv/.installed

say() { printf '%s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# install_packages PURPOSE PACKAGE...: installs Debian packages; says what to install where it may not.
install_packages() {
    local purpose=$1 root=()
    shift
    [ $# -gt 0 ] || return 0
    local wish="apt-get install --no-install-recommends $*"
    command -v apt-get >/dev/null || die "Missing for $purpose. On Debian this would be: $wish. Install the same by your system's means."
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || die "Missing for $purpose. As root, run: $wish"
        root=(sudo)
        [ -t 0 ] || root=(sudo -n)
    fi
    say "Installing for $purpose: $*"
    local apt=("${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -y)
    # The package lists of a fresh machine are empty or old; they are fetched only when the first try needs them.
    "${apt[@]}" install --no-install-recommends "$@" </dev/null >/dev/null 2>&1 ||
        { "${apt[@]}" update </dev/null >/dev/null &&
          "${apt[@]}" install --no-install-recommends "$@" </dev/null >/dev/null; } ||
        die "Could not install what is missing for $purpose. As root, run: apt-get update && $wish"
}

# Qt's libraries, from the program's own list: what does not load is installed.
need_qt() {
    [ "$(uname -s)" = Linux ] || return 0
    local python missing
    python=$(find_python)
    missing=$("$python" -c '
import ctypes
from visualizer.base.system_libraries import PACKAGES
for library, package in PACKAGES.items():
    try:
        ctypes.CDLL(library)
    except OSError:
        print(package)
')
    # shellcheck disable=SC2086  # one word for each package is meant
    install_packages "the window (Qt)" $missing
}

# need_commands PURPOSE COMMAND...: each command's Debian package has its name in small letters.
need_commands() {
    [ "$(uname -s)" = Linux ] || return 0
    local purpose=$1 missing=() name
    shift
    for name in "$@"; do
        command -v "$name" >/dev/null || missing+=("${name,,}")
    done
    install_packages "$purpose" "${missing[@]}"
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
    die "Python 3.11 or newer is needed and was not found (looked for ${PYTHON:-python3.11, python3}). Install python3, or name one: PYTHON=/path/to/python"
}

# need_environment [EXTRA]: .venv with the program, and with EXTRA's packages when given, as constraints.txt pins them.
need_environment() {
    local extra=${1:-} python wanted
    python=$(find_python)
    # A test environment also serves the program. The place is part of it: an environment cannot be moved.
    wanted="$(cat pyproject.toml constraints.txt visualizer/__init__.py | cksum) $("$python" -V 2>&1) $checkout"
    if [ -x .venv/bin/python ] && [ -f "$stamp" ] && .venv/bin/python -c '' 2>/dev/null; then
        case $(cat "$stamp") in
            "$wanted [$extra]" | "$wanted [test]") return 0 ;;
        esac
    fi
    "$python" -c 'import ensurepip, venv' 2>/dev/null ||
        install_packages "Python environments" \
            "python$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv"
    say "Installing into .venv (once; a few minutes) ..."
    "$python" -m venv --clear .venv
    # The build backend first, pinned like everything else, in place of pip's own unpinned download of it.
    local pip=(.venv/bin/python -m pip --disable-pip-version-check install --constraint constraints.txt)
    [ -t 1 ] || pip+=(-qq)  # a person sees how far the downloads are; a log needs only errors
    "${pip[@]}" hatchling editables &&
        "${pip[@]}" --no-build-isolation --editable ".${extra:+[$extra]}" ||
        die "The Python packages could not be installed; what pip says stands above."
    printf '%s\n' "$wanted [$extra]" >"$stamp"
}
