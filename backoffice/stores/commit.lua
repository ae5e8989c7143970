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
--   writes  [[command, key, argument...], ...]   a command of the server, or one of these:
--     INDEX key id | UNINDEX key id   put an entry of the log into an index, or take it out (repairs alone do)
--     REINDEX key   bring an index of the log into its order
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

-- An entry of the log in its indexes: 8 bytes, milliseconds * 2^22 + sequence, in two halves that a double holds.
local function bytes(number)
  return string.char(math.floor(number / 16777216) % 256, math.floor(number / 65536) % 256,
    math.floor(number / 256) % 256, number % 256)
end
local function packed(id)
  local ms, seq = string.match(id, '^(%d+)-(%d+)$')
  ms, seq = tonumber(ms), math.min(tonumber(seq), 4194303)
  return bytes(math.floor(ms / 1024)) .. bytes(ms % 1024 * 4194304 + seq)
end
-- Byte by byte; `<` follows the locale of the server.
local function below(one, other)
  for at = 1, 8 do
    local a, b = string.byte(one, at), string.byte(other, at)
    if a ~= b then return a < b end
  end
  return false
end
-- What of an index stands before an entry, and what after it.
local function around(key, entry)
  local low, high = 0, math.floor(redis.call('STRLEN', key) / 8)
  while low < high do
    local middle = math.floor((low + high) / 2)
    if below(redis.call('GETRANGE', key, middle * 8, middle * 8 + 7), entry) then low = middle + 1 else high = middle end
  end
  local head = low == 0 and '' or redis.call('GETRANGE', key, 0, low * 8 - 1)
  if redis.call('GETRANGE', key, low * 8, low * 8 + 7) == entry then low = low + 1 end
  return head, redis.call('GETRANGE', key, low * 8, -1)
end
local own = {
  INDEX = function(key, id)
    local entry = packed(id)
    local head, tail = around(key, entry)
    redis.call('SET', key, head .. entry .. tail)
  end,
  UNINDEX = function(key, id)
    local head, tail = around(key, packed(id))
    if head .. tail == '' then redis.call('DEL', key) else redis.call('SET', key, head .. tail) end
  end,
  REINDEX = function(key)
    local text, entries, kept = redis.call('GET', key) or '', {}, {}
    for at = 1, #text - 7, 8 do entries[#entries + 1] = string.sub(text, at, at + 7) end
    table.sort(entries, below)
    for _, entry in ipairs(entries) do
      if entry ~= kept[#kept] then kept[#kept + 1] = entry end
    end
    if #kept == 0 then redis.call('DEL', key) else redis.call('SET', key, table.concat(kept)) end
  end,
}
for _, write in ipairs(program.writes) do
  local mine = own[write[1]]
  if mine then mine(KEYS[write[2]], write[3]) else redis.call(write[1], KEYS[write[2]], unpack(write, 3)) end
end

local last
for _, event in ipairs(program.events) do
  last = redis.call('XADD', stream, '*', 'e', event[1])
  local entry = packed(last)
  for _, index in ipairs(event[2]) do
    local key = KEYS[index]
    if redis.call('APPEND', key, entry) >= program.most then
      redis.call('SET', key, redis.call('GETRANGE', key, program.most / 2, -1))
    end
  end
end
redis.call('SET', request, last, 'EX', program.keep)
return {'done', last}
