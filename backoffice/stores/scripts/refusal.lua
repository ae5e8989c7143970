-- refusal: record that somebody who is not signed in was refused, or count it. Strangers cause as many refusals as they
-- like, and the log keeps what it has: so each takes a place of a store of places that fills slowly, and those that find
-- none, or are alike, are counted. `refusals.py` writes what was counted, as one event. Not a commit: nothing changes.
--
-- KEYS[1] hash of what is counted   KEYS[2] HyperLogLog of its networks
-- KEYS[3], KEYS[4] the same of what was counted before and is to be written
-- KEYS[5] hash of places   KEYS[6] audit stream   KEYS[7] set of the indexes that are full   KEYS[8...] those of the event
-- ARGV[1] now, ms   ARGV[2] ms for which is counted   ARGV[3] places   ARGV[4] ms until there is one more
-- ARGV[5] bytes at which an index is full   ARGV[6] event   ARGV[7] what is alike, the same for two that are
-- ARGV[8] reason   ARGV[9] what it was about   ARGV[10] network   ARGV[11] how many of each are named
--
-- Returns {"ok", 1} where something is to be written, else {"ok", 0}. A repeated call counts once more; it writes
-- nothing. {"full", position in KEYS ...}: indexes that are to be cut first; nothing is counted then.
local counted, networks, before, places = KEYS[1], KEYS[2], KEYS[3], KEYS[5]
local now, span, most, pause = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local row = redis.call('HMGET', counted, 'since', 'count')
local since, count = tonumber(row[1] or now), tonumber(row[2] or 0)
-- Also where the clock was set back.
local over = now < since or now - since >= span
local due = redis.call('EXISTS', before)
if over and count == 0 then
  redis.call('DEL', counted)
elseif over and due == 0 then
  redis.call('RENAME', counted, before)
  redis.call('RENAME', networks, KEYS[4])
  due = 1
end
redis.call('HSETNX', counted, 'since', ARGV[1])

local held = redis.call('HMGET', places, 'left', 'at')
local left, at = tonumber(held[1] or most), tonumber(held[2] or now)
if at > now then at = now end
local gained = math.floor((now - at) / pause)
left, at = math.min(most, left + gained), at + gained * pause
if left > 0 and redis.call('EXISTS', KEYS[7]) == 1 then
  local full = no_room(8, #KEYS, tonumber(ARGV[5]))
  if full then return full end
end
if left > 0 and redis.call('HSETNX', counted, 'alike:' .. ARGV[7], '1') == 1 then
  redis.call('HSET', places, 'left', left - 1, 'at', string.format('%.0f', at))
  local entry = pack_entry(redis.call('XADD', KEYS[6], '*', 'e', ARGV[6]))
  for index = 8, #KEYS do append_entry(KEYS[index], entry, tonumber(ARGV[5]), KEYS[7]) end
  return {'ok', due}
end

-- One more of this; nothing where as many as are named are others.
local function name(kind, what)
  local field = kind .. ':' .. what
  if redis.call('HEXISTS', counted, field) == 0
    and redis.call('HINCRBY', counted, kind, 1) > tonumber(ARGV[11]) then return end
  redis.call('HINCRBY', counted, field, 1)
end
redis.call('HINCRBY', counted, 'count', 1)
name('reason', ARGV[8])
if ARGV[9] ~= '' then name('target', ARGV[9]) end
name('network', ARGV[10])
redis.call('PFADD', networks, ARGV[10])
return {'ok', due}
