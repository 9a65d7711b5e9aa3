# What ca-core needs below a root that the operator has made: write its id (not its name) for ISSUER,
# here and as `root_issuer`. The operator has made both mounts as well.
# Every object of ours is called ca-core.<authority>…; of the rest only that root can be read and signed with.

# the root: read, and signed with; never changed or deleted
path "connect-root/issuer/ISSUER" { capabilities = ["read"] }
path "connect-root/issuer/ISSUER/sign-intermediate" { capabilities = ["update"] }
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
