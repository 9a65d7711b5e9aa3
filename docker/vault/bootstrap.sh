#!/bin/sh
# Make a Vault or OpenBao server ready for ca-core: unsealed, our policy, an AppRole, its two ids in files.
# Repeatable: what is there is kept, ids that still log in too.
#
# VAULT_ADDR   the server
# VAULT_TOKEN  a token that may do this; without it, the server is initialised and unsealed here,
#              and its unseal key and root token are kept in KEYS (fit for a demonstration only)
# CREDENTIALS  folder for role_id and secret_id, which the ca-core server reads
# POLICY       the policy's file; default: beside this script
set -eu
umask 077
: "${VAULT_ADDR:?is not set}"
CREDENTIALS=${CREDENTIALS:-/run/ca-core/approle}
KEYS=${KEYS:-/run/ca-core/keys}
POLICY=${POLICY:-$(dirname "$0")/policy-managed.hcl}
PATIENCE=60

say() { echo "bootstrap: $*" >&2; }
fail() { say "$*"; exit 1; }

if command -v bao >/dev/null; then program=bao; else program=vault; fi
vault() { command "$program" "$@"; }

# 0 unsealed, 1 no answer, 2 sealed or not initialised
state() { code=0; vault status >/dev/null 2>&1 || code=$?; echo "$code"; }

answers() { [ "$(state)" != 1 ]; }
active() { vault token lookup >/dev/null 2>&1; }

wait_for() {
  tries=0
  until "$1"; do
    tries=$((tries + 1))
    [ "$tries" -lt "$PATIENCE" ] || fail "$2"
    sleep 1
  done
}

field() { tr -d ' \n' <"$KEYS/init.json" | sed -n "s/.*\"$1\":\[*\"\([^\"]*\)\".*/\1/p"; }

initialised() { vault status -format=json 2>/dev/null | tr -d ' \n' | grep -q '"initialized":true'; }

initialise() {
  initialised && fail "$VAULT_ADDR has an owner: set VAULT_TOKEN"
  say "initialising $VAULT_ADDR"
  vault operator init -key-shares=1 -key-threshold=1 -format=json >"$KEYS/init.json.new"
  mv "$KEYS/init.json.new" "$KEYS/init.json"
}

# A key goes by standard input: other users can see a command line.
unseal() {
  [ "$(state)" = 0 ] && return
  say "unsealing"
  printf '{"key": "%s"}' "$(field unseal_keys_b64)" | vault write sys/unseal - >/dev/null
}

own() {
  [ -s "$KEYS/init.json" ] || initialise
  unseal
  VAULT_TOKEN=$(field root_token)
  export VAULT_TOKEN
}

permit() {
  vault policy write ca-core "$POLICY" >/dev/null
  vault auth list -format=json | grep -q '"approle/"' || vault auth enable approle >/dev/null
  vault write auth/approle/role/ca-core token_policies=ca-core token_no_default_policy=true \
    token_ttl=1h token_max_ttl=24h >/dev/null
}

logs_in() {
  [ -s "$CREDENTIALS/role_id" ] && [ -s "$CREDENTIALS/secret_id" ] &&
    vault write auth/approle/login "role_id=@$CREDENTIALS/role_id" \
      "secret_id=@$CREDENTIALS/secret_id" >/dev/null 2>&1
}

hand_over() {
  vault read -field=role_id auth/approle/role/ca-core/role-id >"$CREDENTIALS/role_id.new"
  vault write -force -field=secret_id auth/approle/role/ca-core/secret-id >"$CREDENTIALS/secret_id.new"
  mv "$CREDENTIALS/role_id.new" "$CREDENTIALS/role_id"
  mv "$CREDENTIALS/secret_id.new" "$CREDENTIALS/secret_id"
}

wait_for answers "$VAULT_ADDR does not answer"
[ -n "${VAULT_TOKEN:-}" ] || own
wait_for active "$VAULT_ADDR does not accept the token"
permit
logs_in || hand_over
say "ca-core may log in to $VAULT_ADDR"
