#!/bin/sh
# Make a join token for each node named, in TOKENS/NODE/token; the agent of that node alone reads it.
# A new one each time: an agent that has joined does not look at it.
set -eu
umask 077
TOKENS=${TOKENS:-/run/ca-core/tokens}

for node in "$@"; do
  answer=$(ca-core token join --node "$node" --ttl 1h --output json)
  token=$(printf '%s' "$answer" | sed -n 's/.*"Token": "\([^"]*\)".*/\1/p')
  [ -n "$token" ] || { echo "join: no token for $node" >&2; exit 1; }
  printf '%s\n' "$token" >"$TOKENS/$node/token.new"
  mv "$TOKENS/$node/token.new" "$TOKENS/$node/token"
  echo "join: $node may join within an hour" >&2
done
