#!/bin/sh
# Installs or renews the truck agent on a Raspberry Pi from the folder this script lies in. Needs no network.
# Running it again is always right: a release is built beside the running one and switched by one rename.
# ZP_ROOT (tests): install below this folder, touch no service, create no user.
set -eu

here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
root=${ZP_ROOT:-}
release=$(cat "$here/RELEASE")
user=zhanpai
base=$root/opt/zhanpai
target=$base/releases/$release
python=${ZP_PYTHON:-python3}
# Another Python after an upgrade of the system needs an environment of its own.
environment=$(cat "$here/ENVIRONMENT")-$("$python" -c 'import sys; print("py%d.%d" % sys.version_info[:2])')
packages=$base/environments/$environment
etc=$root/etc/zhanpai

say() { printf 'zhanpai: %s\n' "$*"; }
live() { [ -z "$root" ]; }

put() { # put SOURCE DESTINATION MODE: old or new, never half
	cp "$1" "$2.new"
	chmod "$3" "$2.new"
	sync "$2.new" 2>/dev/null || true
	mv -f "$2.new" "$2"
}

if live; then
	id "$user" >/dev/null 2>&1 || useradd --system --home-dir /var/lib/zhanpai --shell /usr/sbin/nologin "$user"
	for group in dialout gpio; do
		getent group "$group" >/dev/null && usermod -aG "$group" "$user"
	done
fi

# The packages change seldom: releases with the same lock file share one environment, which spares the card.
if [ ! -e "$packages/complete" ]; then
	say "building environment $environment"
	rm -rf "$packages"
	mkdir -p "$packages"
	"$python" -m venv --without-pip "$packages"
	pip=$(ls "$here"/wheels/pip-*.whl | sort | tail -n 1)
	PYTHONPATH=$pip "$packages/bin/python" -m pip install --quiet --no-index --require-hashes --only-binary=:all: \
		--no-cache-dir --disable-pip-version-check --find-links "$here/wheels" -r "$here/requirements.txt"
	sync
	touch "$packages/complete"
fi
if ! "$python" "$here/link_lgpio.py" "$packages"; then
	say "this system has no lgpio, trying apt"
	if ! live || ! apt-get install -y -qq python3-lgpio || ! "$python" "$here/link_lgpio.py" "$packages"; then
		echo "the button's pins need python3-lgpio: apt-get install python3-lgpio, then the same again" >&2
		exit 1
	fi
fi
if [ ! -e "$target/complete" ]; then
	say "unpacking release $release"
	rm -rf "$target"
	mkdir -p "$target"
	tar -xf "$here/agent.tar" -C "$target"
	"$packages/bin/python" -m compileall -q "$target/firmware"
	sync
	touch "$target/complete"
fi
ln -sfn "../../environments/$environment" "$target/venv.new"
mv -T "$target/venv.new" "$target/venv"

mkdir -p "$etc/keys"
chmod 755 "$etc"
chmod 750 "$etc/keys"
# After a run that was cut short the secrets may be in place already, and gone from here.
for secret in "$here"/secret/*; do
	[ -e "$secret" ] || continue
	put "$secret" "$etc/keys/$(basename "$secret")" 600
done
if live; then
	chown -R "$user:$user" "$etc/keys"
fi
# The agent itself judges its settings before anything is switched to it.
sed "s|\"/etc/zhanpai|\"$root/etc/zhanpai|" "$here/truck.toml" >"$here/checked.toml"
(cd "$target" && venv/bin/python -m firmware.truck --config "$here/checked.toml" --check-config)
put "$here/truck.toml" "$etc/truck.toml" 644

units=$root/etc/systemd/system
mkdir -p "$units"
for unit in "$here"/units/*; do
	put "$unit" "$units/$(basename "$unit")" 644
done

for name in system journald; do
	mkdir -p "$root/etc/systemd/$name.conf.d"
done
put "$here/conf/watchdog.conf" "$root/etc/systemd/system.conf.d/zhanpai.conf" 644
put "$here/conf/journal.conf" "$root/etc/systemd/journald.conf.d/zhanpai.conf" 644

if [ "$(readlink "$base/current" 2>/dev/null || true)" != "releases/$release" ]; then
	if [ -L "$base/current" ]; then
		ln -sfn "$(readlink "$base/current")" "$base/former.new"
		mv -T "$base/former.new" "$base/former"
	fi
	ln -sfn "releases/$release" "$base/current.new"
	mv -T "$base/current.new" "$base/current"
fi
for old in "$base"/releases/*; do
	case "releases/$(basename "$old")" in
	"$(readlink "$base/current")" | "$(readlink "$base/former" 2>/dev/null || true)") ;;
	*) rm -rf "$old" ;;
	esac
done
for old in "$base"/environments/*; do
	used=
	for kept in "$base"/releases/*; do
		[ "$(readlink "$kept/venv")" = "../../environments/$(basename "$old")" ] && used=yes
	done
	[ -n "$used" ] || rm -rf "$old"
done

if live; then
	for boot in /boot/firmware /boot; do
		[ -e "$boot/config.txt" ] && "$python" "$here/boot_settings.py" "$boot" && break
	done
	systemctl daemon-reload
	[ ! -e "$units/var-lib-zhanpai.mount" ] || systemctl enable --now var-lib-zhanpai.mount
	systemctl enable zhanpai-truck.service
	systemctl restart --no-block zhanpai-truck.service
fi

# The card's first partition is readable by anybody who holds the card.
rm -rf "$here/secret"
sync
say "release $release is in force"
