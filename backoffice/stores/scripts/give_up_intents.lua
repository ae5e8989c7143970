-- give_up_intents: from now on no file comes under these identifiers (`intents.py`). A script of its own because the entry
-- and the record must be seen at one moment, and because it leads to what frees memory, so it may run when there is none.
--
-- KEYS[1] hash of intents   KEYS[2...] the record that a file of each identifier would have
-- ARGV[1...] the identifiers
-- Returns those under which there is no file: a commit of theirs finds another value now, and fails.
local without = {}
for at, id in ipairs(ARGV) do
  if redis.call('EXISTS', KEYS[at + 1]) == 1 then
    redis.call('HDEL', KEYS[1], id)
  else
    redis.call('HSET', KEYS[1], id, '0')
    without[#without + 1] = id
  end
end
return without
