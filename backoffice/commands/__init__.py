"""The commands, one module each, imported only when its command is called.

Adding one: write `backoffice/commands/<name>.py` with a click command (or group) called `command`, then add its line to
`backoffice/cli.py`.
"""
