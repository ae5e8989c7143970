-- commit: change the control plane, all of it or nothing, and write the audit log in the same breath.
--
-- KEYS[1] request id   KEYS[2] audit stream   KEYS[3...] what the program refers to by position
-- ARGV[1] program, JSON:
--   checks  [[op, key, argument...], ...]   all must hold
--     absent key | present key | equal key field value | unset key field | free key field id
--     room key add limit        used + reserved + add <= limit
--     fewer key n               the zset has fewer than n members
--     spare key member          the zset does not have this member as its only one
--     vacant key least below n  at most n members of the lexical zset in [least, below)
--   writes  [[command, key, argument...], ...]   commands of the server
--   events  [[text, {index key, ...}], ...]  at least one: no entry, no effect
--   keep    seconds for which the request id is remembered
--   most    bytes of an index of the log; at that length it gives up its older half
-- Numbers travel as text.
--
-- Returns {"done", id of the last event}, also when the request id was seen before (a client library repeats a
-- command after a time-out; the effect must not be repeated), or {"failed", number of the check, what it saw}.
local request, stream = KEYS[1], KEYS[2]
local before = redis.call('GET', request)
if before then return {'done', before} end

local program = cjson.decode(ARGV[1])
if #program.events == 0 then return redis.error_reply('NOEVENT a commit without an audit event') end

local checks = {
  absent = function(key) return redis.call('EXISTS', key) == 0 end,
  present = function(key) return redis.call('EXISTS', key) == 1 end,
  equal = function(key, field, value)
    local now = redis.call('HGET', key, field)
    return now == value, now
  end,
  unset = function(key, field)
    local now = redis.call('HGET', key, field)
    return not now, now
  end,
  free = function(key, field, id)
    local now = redis.call('HGET', key, field)
    return not now or now == id, now
  end,
  room = function(key, add, limit)
    local row = redis.call('HMGET', key, 'used', 'reserved')
    local now = tonumber(row[1] or 0) + tonumber(row[2] or 0)
    return now + tonumber(add) <= tonumber(limit), string.format('%.0f', now)
  end,
  fewer = function(key, count)
    local now = redis.call('ZCARD', key)
    return now < tonumber(count), tostring(now)
  end,
  spare = function(key, member)
    return redis.call('ZCARD', key) > 1 or not redis.call('ZSCORE', key, member)
  end,
  vacant = function(key, least, below, count)
    return redis.call('ZLEXCOUNT', key, '[' .. least, '(' .. below) <= tonumber(count)
  end,
}
for number, check in ipairs(program.checks) do
  local ok, saw = checks[check[1]](KEYS[check[2]], unpack(check, 3))
  if not ok then return {'failed', tostring(number - 1), saw or ''} end
end

for _, write in ipairs(program.writes) do redis.call(write[1], KEYS[write[2]], unpack(write, 3)) end

local last
for _, event in ipairs(program.events) do
  local indexes = {}
  for at, position in ipairs(event[2]) do indexes[at] = KEYS[position] end
  last = append_event(stream, event[1], indexes, program.most)
end
redis.call('SET', request, last, 'EX', program.keep)
return {'done', last}
