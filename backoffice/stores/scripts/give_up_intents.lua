-- give_up_intents: from now on no file comes under these identifiers (`intents.py`). A script of its own because the entry
-- and the record must be seen at one moment, and because it leads to what frees memory, so it may run when there is none.
--
-- KEYS[1] hash of intents   KEYS[2] hash of what holds which content   KEYS[3...] the record that a file of each
-- identifier would have
-- ARGV[1...] the identifiers, each with the same as KEYS[2] holds it
-- Returns those that no file has or holds: a commit of theirs finds another value now, and fails.
local without = {}
for at = 1, #ARGV, 2 do
  local id = ARGV[at]
  if redis.call('EXISTS', KEYS[2 + (at + 1) / 2]) == 1 or redis.call('HEXISTS', KEYS[2], ARGV[at + 1]) == 1 then
    redis.call('HDEL', KEYS[1], id)
  else
    redis.call('HSET', KEYS[1], id, '0')
    without[#without + 1] = id
  end
end
return without
