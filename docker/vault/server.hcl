# One Vault or OpenBao server of compose.yaml; the path is relative to the image's own folder.
# In production: TLS, three or more servers, a seal that opens by itself, an audit device.
storage "raft" {
  path    = "file"
  node_id = "one"
}
listener "tcp" {
  address     = "0.0.0.0:8200"
  tls_disable = true
}
api_addr      = "http://vault:8200"
cluster_addr  = "http://127.0.0.1:8201"
disable_mlock = true
