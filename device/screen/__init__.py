"""The nurse's screen: a page in a process of its own, which shows what the bedside tells and asks what a hand may ask.

`hub` is the state that every screen shows, `link` brings it from the console's socket, `records` reads the journal,
`entry` is the keypad, `words` every text, `page` and `views` what is drawn, `access` and `gate` who may look, `server`
puts it together.
"""
