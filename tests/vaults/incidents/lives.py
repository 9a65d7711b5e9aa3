"""Everything that a provider is asked in its life, so that a test can look at all of the calls."""


def other_sides_request(arena, mesh):
    """Return the request to cross-sign an honest primary of another kind."""
    other = arena.other_side()
    return mesh.ask.cross(other.provider.trust_chain().primary, csr=other.cross_csr())


def whole_life(arena):
    """Call every method of a new primary, once at least, and return its leaf's life; retire it."""
    mesh = arena.unmade()
    mesh.probe()
    mesh.ensure()
    mesh.prepare()
    request = mesh.ask.leaf(mesh.signer)
    leaf = mesh.leaf(request)
    mesh.intermediate(arena.other_secondary().csr(arena.tempo.new_id("s")))
    mesh.cross_csr()
    mesh.patiently(mesh.provider.cross_sign, other_sides_request(arena, mesh))
    mesh.revoke(leaf)
    mesh.crl()
    assert mesh.provider.health(deep=True).ok
    mesh.retire_signer(mesh.signer)
    mesh.retire()
    return leaf.not_valid_after_utc - request.not_after
