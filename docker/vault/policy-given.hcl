# What ca-core needs where the operator has made the two mounts.
# Every object of ours is called ca-core.<authority>…; nothing else in the mounts can be read or signed with.

# roots: made once, then they sign signers
path "connect-root/root/generate/internal" { capabilities = ["update"] }
path "connect-root/root/generate/existing" { capabilities = ["update"] }
path "connect-root/issuer/ca-core.*" { capabilities = ["read", "update", "delete"] }
path "connect-root/key/ca-core.*" { capabilities = ["delete"] }
path "connect-root/intermediate/cross-sign" { capabilities = ["update"] }

# signers: their keys never leave the server
path "connect-intermediate/intermediate/generate/internal" { capabilities = ["update"] }
path "connect-intermediate/intermediate/generate/existing" { capabilities = ["update"] }
path "connect-intermediate/intermediate/set-signed" { capabilities = ["update"] }
# a new issuer has an id of the server's choice until it is named
path "connect-intermediate/issuer/+" { capabilities = ["update", "delete"] }
path "connect-intermediate/issuer/ca-core.*" { capabilities = ["update", "delete"] }
path "connect-intermediate/key/ca-core.*" { capabilities = ["delete"] }
path "connect-intermediate/roles/ca-core.*" { capabilities = ["update", "delete"] }
path "connect-intermediate/revoke" { capabilities = ["update"] }
path "connect-intermediate/crl/rotate" { capabilities = ["read"] }

# the token itself
path "auth/token/lookup-self" { capabilities = ["read"] }
path "auth/token/renew-self" { capabilities = ["update"] }
path "sys/capabilities-self" { capabilities = ["update"] }
