#!/usr/bin/env bash
# Lays Corten down, or takes it away: install.sh install|uninstall PROGRAMS. PREFIX and DESTDIR are as usual.
set -euo pipefail
verb=$1
programs=$2
here=$(dirname "$0")
prefix=${PREFIX:-/usr/local}
root=${DESTDIR:-}
bin=$root$prefix/bin
units=$root$prefix/lib/systemd/system
init=$root/etc/init.d/docker
share=$root$prefix/share
manuals=$share/man/man1
# Of the daemon.
manuals_8=$share/man/man8

# Names the programs go by beside their own.
links=(docker dockerd)

# Where the shells look for the completions of the command $1.
bash_completion() { echo "$share/bash-completion/completions/$1"; }
zsh_completion() { echo "$share/zsh/site-functions/_$1"; }
fish_completion() { echo "$share/fish/vendor_completions.d/$1.fish"; }

is_ours() { grep -qs 'Corten container engine' "$1"; }

lay_down() {
    install -D -m 755 "$programs/corten" "$bin/corten"
    install -D -m 755 "$programs/corten-shim" "$root$prefix/libexec/corten/corten-shim"
    local link
    for link in "${links[@]}"; do
        if [ -e "$bin/$link" ] && [ ! -L "$bin/$link" ]; then
            echo "$bin/$link is a program of its own and stays: call corten, or remove it and install again" >&2
        else
            ln -sfn corten "$bin/$link"
        fi
    done
    local name shell file
    for name in corten "${links[@]}"; do
        # dockerd's flags are the daemon's; a docker of its own brings its own completions.
        [ "$name" != dockerd ] && { [ "$name" = corten ] || [ -L "$bin/$name" ]; } || continue
        for shell in bash zsh fish; do
            file=$("${shell}_completion" "$name")
            install -d "$(dirname "$file")"
            "$bin/$name" completion "$shell" >"$file"
        done
    done
    install -d "$manuals"
    "$bin/corten" man "$manuals"
    "$bin/corten" daemon man "$manuals_8"
    [ ! -L "$bin/dockerd" ] || "$bin/dockerd" man "$manuals_8"
    local unit
    for unit in corten.service corten.socket; do
        install -d "$units"
        sed "s|@PREFIX@|$prefix|g" "$here/$unit" >"$units/$unit"
        chmod 644 "$units/$unit"
        # systemctl start docker, enable docker …
        ln -sfn "$unit" "$units/docker.${unit#corten.}"
    done
    if [ -e "$init" ] && ! is_ours "$init"; then
        echo "$init belongs to somebody else and stays; Corten's is ${init%docker}corten" >&2
        init=${init%docker}corten
    fi
    install -d "$(dirname "$init")"
    sed "s|@PREFIX@|$prefix|g" "$here/init.sh" >"$init"
    chmod 755 "$init"
    if [ -z "$root" ]; then
        getent group docker >/dev/null || groupadd --system docker
        [ ! -d /run/systemd/system ] || systemctl daemon-reload
    fi
}

take_away() {
    local link unit script
    for link in corten "${links[@]}"; do
        [ "$link" = corten ] || [ "$(readlink "$bin/$link" 2>/dev/null)" = corten ] || continue
        rm -f "$bin/$link" "$(bash_completion "$link")" "$(zsh_completion "$link")" "$(fish_completion "$link")"
    done
    rm -f "$manuals"/corten.1 "$manuals"/corten-*.1 "$manuals_8"/corten-daemon.8
    ! grep -qs corten "$manuals_8/dockerd.8" || rm -f "$manuals_8/dockerd.8"
    rm -f "$root$prefix/libexec/corten/corten-shim"
    rmdir "$root$prefix/libexec/corten" 2>/dev/null || true
    for unit in corten.service corten.socket; do
        rm -f "$units/$unit" "$units/docker.${unit#corten.}"
    done
    for script in "$init" "${init%docker}corten"; do
        ! is_ours "$script" || rm -f "$script"
    done
    if [ -z "$root" ] && [ -d /run/systemd/system ]; then
        systemctl daemon-reload
    fi
}

case $verb in
install) lay_down ;;
uninstall) take_away ;;
*) echo "usage: $0 install|uninstall PROGRAMS" >&2; exit 2 ;;
esac
