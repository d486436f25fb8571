#!/usr/bin/env bash
# ad.sh DIR start        a Samba domain controller (AD.TEST, NetBIOS ADTEST) and a joined member MEM1
#                        with winbindd, in two network namespaces of their own
# ad.sh DIR exec CMD..   CMD where the member is, with its winbindd where Samba's libraries look
# ad.sh DIR stop         ends both and removes the namespaces
#
# Root, Debian 12 (samba, samba-ad-dc, samba-ad-provision, samba-dsdb-modules, samba-vfs-modules,
# winbind, krb5-user, iproute2). Everything is in DIR; nothing of /etc/samba or /etc/krb5.conf is
# read or written, only /etc/netns of the two namespaces.
set -euo pipefail
B=$(realpath -m "$1"); shift
tag=$(printf %s "$B" | cksum | cut -d' ' -f1 | cut -c1-6)
DC=adc$tag; CL=acl$tag
net=$((tag % 200 + 20))
DCIP=10.53.$net.1; CLIP=10.53.$net.2
ADMIN='Adm1n!Passw0rd'; USER_PW='Us3r!Passw0rd'
export PATH=/usr/sbin:/usr/bin:/sbin:/bin KRB5_CONFIG=$B/krb5.conf KRB5CCNAME=FILE:$B/admin.cc

# Samba's libraries have /run/samba/winbindd built in: each side sees its own there.
bind='mkdir -p /run/samba/winbindd; mount --bind "$0" /run/samba/winbindd; exec "$@"'
dc() { ip netns exec "$DC" sh -c "$bind" "$B/dc/winbindd" "$@"; }
member() { ip netns exec "$CL" sh -c "$bind" "$B/member/winbindd" "$@"; }

namespaces() {
  for ns in "$DC" "$CL"; do
    ip netns add "$ns"
    ip -n "$ns" link set lo up
    mkdir -p "/etc/netns/$ns"
    printf 'search ad.test\nnameserver %s\n' "$DCIP" > "/etc/netns/$ns/resolv.conf"
    printf '127.0.0.1 localhost\n%s dc1.ad.test dc1\n%s mem1.ad.test mem1\n' "$DCIP" "$CLIP" \
      > "/etc/netns/$ns/hosts"
  done
  ip link add "d$tag" netns "$DC" type veth peer name "c$tag" netns "$CL"
  ip -n "$DC" addr add "$DCIP/24" dev "d$tag"; ip -n "$DC" link set "d$tag" up
  ip -n "$CL" addr add "$CLIP/24" dev "c$tag"; ip -n "$CL" link set "c$tag" up
}

folders() { # folders SIDE: what smb.conf says of them
  local at=$B/$1
  mkdir -p "$at"/{private,state,cache,lock,run,log,ncalrpc,winbindd,bind-dns,ntp}
  chmod 755 "$at/winbindd"; chmod 750 "$at/ntp"
  cat <<EOF
 private dir = $at/private
 state directory = $at/state
 cache directory = $at/cache
 lock directory = $at/lock
 pid directory = $at/run
 ncalrpc dir = $at/ncalrpc
 winbindd socket directory = $at/winbindd
 log file = $at/log/log.%m
 log level = 1
 bind interfaces only = yes
 load printers = no
 disable spoolss = yes
EOF
}

configs() {
  mkdir -p "$B"
  cat > "$B/krb5.conf" <<EOF
[libdefaults]
 default_realm = AD.TEST
 dns_lookup_realm = false
 dns_lookup_kdc = false
 dns_canonicalize_hostname = false
 rdns = false
 qualify_shortname = ""
 udp_preference_limit = 0
 forwardable = true
 allow_rc4 = true
 permitted_enctypes = aes256-cts aes128-cts rc4-hmac
[realms]
 AD.TEST = {
  kdc = $DCIP:88
 }
[domain_realm]
 .ad.test = AD.TEST
EOF
  { cat <<EOF
[global]
 netbios name = DC1
 realm = AD.TEST
 workgroup = ADTEST
 server role = active directory domain controller
 interfaces = lo d$tag
 binddns dir = $B/dc/bind-dns
 ntp signd socket directory = $B/dc/ntp
 server services = s3fs rpc ldap cldap kdc winbindd dns
 dns update command = /bin/true
 ntlm auth = ntlmv2-only
EOF
    folders dc
    cat <<EOF
[sysvol]
 path = $B/dc/state/sysvol
 read only = no
[netlogon]
 path = $B/dc/state/sysvol/ad.test/scripts
 read only = no
EOF
  } > "$B/dc.conf"
  { cat <<EOF
[global]
 netbios name = MEM1
 realm = AD.TEST
 workgroup = ADTEST
 security = ads
 server role = member server
 interfaces = lo c$tag
 winbind use default domain = no
 idmap config * : backend = tdb
 idmap config * : range = 100000-199999
EOF
    folders member; } > "$B/member.conf"
}

seed() {
  dc /usr/bin/python3 "$(dirname "$0")/ad_seed.py" "$B/dc.conf" "$B" "$USER_PW" > "$B/seed.log" 2>&1 ||
    { tail -20 "$B/seed.log" >&2; exit 1; }
}

start() {
  # What a process left here that was killed.
  stop
  namespaces
  configs
  dc samba-tool domain provision --configfile="$B/dc.conf" --realm=AD.TEST --domain=ADTEST \
    --server-role=dc --dns-backend=SAMBA_INTERNAL --host-name=dc1 --host-ip="$DCIP" \
    --adminpass="$ADMIN" > "$B/provision.log" 2>&1 || { tail -20 "$B/provision.log" >&2; exit 1; }
  seed
  dc samba -D --configfile="$B/dc.conf"
  wait_for 'the domain controller' \
    sh -c "echo '$ADMIN' | ip netns exec $CL kinit Administrator@AD.TEST >/dev/null 2>&1"
  # Its RPC services come a moment after its KDC.
  wait_for 'the join' ip netns exec "$CL" net -s "$B/member.conf" ads join \
    -U "Administrator%$ADMIN" --no-dns-updates
  ip netns exec "$CL" winbindd -D -s "$B/member.conf"
  wait_for 'winbindd' member wbinfo -t
}

wait_for() { # wait_for WHAT CMD..: until it succeeds
  local what=$1; shift
  for _ in $(seq 600); do "$@" >"$B/wait.log" 2>&1 && return 0; sleep 0.2; done
  echo "ad.sh: $what does not come up:" >&2; cat "$B/wait.log" >&2; exit 1
}

stop() {
  for pid in "$B/member/run/winbindd.pid" "$B/dc/run/samba.pid"; do
    [ -s "$pid" ] && kill "$(cat "$pid")" 2>/dev/null || true
  done
  # Whatever else was started there is in the namespaces, and nothing else is.
  for ns in "$DC" "$CL"; do
    for try in $(seq 20); do
      pids=$(ip netns pids "$ns" 2>/dev/null || true)
      [ -n "$pids" ] || break
      # shellcheck disable=SC2086
      kill $([ "$try" -lt 15 ] || echo -9) $pids 2>/dev/null || true
      sleep 0.5
    done
    ip netns del "$ns" 2>/dev/null || true
    rm -rf "/etc/netns/$ns"
  done
}

case ${1-} in
  start) start ;;
  stop) stop ;;
  exec) shift; exec ip netns exec "$CL" sh -c "$bind" "$B/member/winbindd" "$@" ;;
  *) sed -n '2,6s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
