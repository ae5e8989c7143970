"""Changes of the code that take the controls of `docs/security.md` away, and the command that tries them."""
