#!/bin/sh
# Make join tokens: `join.sh NODE FOLDER [NODE FOLDER]…` writes FOLDER/token, for that node's agent alone.
# A new one each time: an agent that has joined does not look at it.
set -eu
umask 077

while [ $# -ge 2 ]; do
  node=$1 folder=$2
  shift 2
  answer=$(ca-core token join --node "$node" --ttl 1h --output json)
  token=$(printf '%s' "$answer" | sed -n 's/.*"Token": "\([^"]*\)".*/\1/p')
  [ -n "$token" ] || { echo "join: no token for $node" >&2; exit 1; }
  printf '%s\n' "$token" >"$folder/token.new"
  mv "$folder/token.new" "$folder/token"
  echo "join: $node may join within an hour" >&2
done
