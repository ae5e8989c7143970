-- upload: the progress of an upload. Chunks are data, not acts, so this writes no audit event (`commit` does at the
-- start and at the end); a script of its own because a mark must see the state, the map and the quota at one moment.
--
-- KEYS[1] upload hash   KEYS[2] chunk map   KEYS[3] quota hash   KEYS[4] zset of uploads by expiry
-- KEYS[5] hash of the owner, whose quota counts; ARGV has that of those who have none of their own
-- KEYS[6] hash of chunks that came far ahead of the others, which are not in the map: index, entry
-- KEYS[7] zset of users whose quota is nearly used up
-- KEYS[8] store: the chunk   KEYS[9] store: where its bytes wait, if they do
-- ARGV[1] op   ARGV[2] upload id   ARGV[3] bytes of a map entry   then, by op:
--   mark     expires at, quota, largest file, {index, size, entry} ...
--   store    expires at, quota, largest file, index, size, entry, life in ms, {bytes}    put a chunk in its place, unless
--                                          there is one, and mark it
--   begin    offset                        be the one who appends to a stream: earlier ones note nothing more
--   append   fence, expires at, quota, largest file, tail, index of the first, offset of the first,
--            {size, entry} ...             chunks of a stream, in order; the first may take the place of the tail
--   adopt    offset, protocol              chunks in any order become a stream that goes on after those that have no gap,
--                                          which has to be at this offset; a stream stays one
--   number   number of chunks, bytes of each     a stream whose whole chunks have that size becomes chunks in any order;
--                                          its tail counts no more
--   declare  size, quota, largest file, chunks     the size of the whole, where it was not known; so many will come
--   renew    expires at                    it is kept until then, if it is not kept for longer; never past its death
--   settle   lease                         the bytes of the tail are where those of a chunk belong
--   refence  lease                         whoever appends now notes nothing more
--   unmark   lease, fence, tail, index ... chunks that turned out not to be there; nothing where another has the lease,
--                                          or went on with a stream meanwhile. What it has after them cannot stay
--   lease    token, until, now, owner     nothing where it is somebody else's
--   extend   token, until, reach           a lease that was lost is not had again; so many indexes may have bytes
--   release  token
--
-- Returns {"ok", received, bytes}; append: {…, joins}; begin: {"ok", received, bytes, fence, tail, entry of the tail}; settle, refence, number: {…, fence}
--   adopt: {"ok", received, bytes, fence, tail}
--   declare: {"ok", received, bytes, reserved}
--   lease: {"ok", received, bytes, fields and values of the record, map}, which has all chunks then
--   {"missing"} no such upload | {"closed", state} | {"conflict", index} other bytes are marked there
--   {"too_big", bytes} over the declared size or the largest file | {"quota", the limit}
--   declare: {"size", size} another one was declared
--   mark, store: {"stream"} it has become one | number: {"cut"} its chunks have other sizes, or it has another number
--   begin, append, adopt: {"offset", bytes} the stream goes on there, or somebody else goes on with it
--   lease, extend, settle: {"busy", until} another one holds it | {"incomplete", received, number of chunks, map,
--   indexes and entries of those that are not in it}
--   store: {"there"} there is a chunk, and it is not marked as this one | {"lost"} the bytes have not waited
-- Whatever store returns, its bytes do not wait any more.
local upload, map, quota, expiry, chunk, staging = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[8], KEYS[9]
local scattered = KEYS[6]
local op, id, width = ARGV[1], ARGV[2], tonumber(ARGV[3])
local row = redis.call('HMGET', upload, 'state', 'received', 'bytes', 'size', 'reserved', 'lease', 'lease_until',
  'total_chunks', 'fence', 'tail')
local function refuse(...)
  if staging then redis.call('UNLINK', staging) end
  return {...}
end
-- A lease that it gave to this very token is a repetition.
if not (op == 'lease' and row[6] == ARGV[4]) then
  local stale = changed()
  if stale then
    refuse()
    return stale
  end
end
if not row[1] then return refuse('missing') end
local state, received, bytes = row[1], tonumber(row[2]), tonumber(row[3])
local size, reserved = tonumber(row[4]), tonumber(row[5])
local function may_have(indexes)
  if indexes > tonumber(redis.call('HGET', upload, 'reach') or 0) then
    redis.call('HSET', upload, 'reach', string.format('%.0f', indexes))
  end
end
local stream, fence, tail = row[8] == '-1', row[9] or '0', row[10] or '0'
-- How many chunks have room in the map before any has arrived. Where that is all of them, and in a stream, none is elsewhere.
local ahead = 128
local scatters = tonumber(row[8]) > ahead

local function entry_at(index)
  local entry = redis.call('GETRANGE', map, index * width, index * width + width - 1)
  if #entry == width and string.byte(entry) ~= 0 then return entry end
  return scatters and redis.call('HGET', scattered, index) or nil
end
-- Into the map go chunks that lie so near to what has arrived that it has room for at most twice as many and some more:
-- so it takes memory for what was sent, and not for the highest index. Once there is room for all, the others follow,
-- a few with each that comes.
local function note(index, entry)
  local room = 2 * received + ahead
  if not scatters or index < room or index * width < redis.call('STRLEN', map) then
    redis.call('SETRANGE', map, index * width, entry)
  else
    redis.call('HSET', scattered, index, entry)
  end
  if not scatters or room < tonumber(row[8]) then return end
  local moved = redis.call('HRANDFIELD', scattered, 4, 'WITHVALUES') or {}
  for at = 1, #moved, 2 do
    redis.call('SETRANGE', map, moved[at] * width, moved[at + 1])
    redis.call('HDEL', scattered, moved[at])
  end
end
local function text(number) return string.format('%.0f', number) end
-- Bytes of the chunk whose entry begins after the first `at` bytes of a map.
local function size_of(entries, at)
  local b1, b2, b3, b4 = string.byte(entries, at + 2, at + 5)
  return ((b1 * 256 + b2) * 256 + b3) * 256 + b4
end
-- The entries of the chunks before the first gap, and their bytes.
local function contiguous()
  local packed, entries, size = redis.call('GET', map) or '', {}, 0
  while true do
    local entry = string.sub(packed, #entries * width + 1, (#entries + 1) * width)
    if #entry < width or string.byte(entry) == 0 then entry = entry_at(#entries) end
    if not entry then return entries, size end
    entries[#entries + 1] = entry
    size = size + size_of(entry, 0)
  end
end

-- Take what the upload grows by from the quota, with its map of so many chunks. Nothing, or why it may not have so many
-- bytes.
local function grow(now, chunks, limit, largest)
  if (size >= 0 and now > size) or now > tonumber(largest) then return {'too_big', text(now)} end
  -- It has all it needs; and what an earlier version began, which reserved no map, does not fail by that at its end.
  if size >= 0 and reserved >= size then return end
  local held = now + map_bytes(chunks, width)
  local more = held - reserved
  if more <= 0 then return end
  local own = redis.call('HGET', KEYS[5], 'quota_bytes')
  if own and own ~= '' then limit = own end
  local taken = redis.call('HMGET', quota, 'used', 'reserved')
  if tonumber(taken[1] or 0) + tonumber(taken[2] or 0) + more > tonumber(limit) then return {'quota', limit} end
  redis.call('HINCRBY', quota, 'reserved', text(more))
  redis.call('HSET', upload, 'reserved', text(held))
  note_quota(quota, KEYS[5], KEYS[7], redis.call('HGET', upload, 'owner'), limit)
end

if op == 'mark' or op == 'store' then
  if stream then return refuse('stream') end
  local last, stored = #ARGV, true
  if op == 'store' then
    last, stored = 9, redis.call('EXISTS', chunk) == 1
    -- Marked with the same sums it is the same chunk; else somebody has to compare the bytes.
    if stored and entry_at(tonumber(ARGV[7])) ~= ARGV[9] then return refuse('there') end
    if not stored and staging and redis.call('EXISTS', staging) == 0 then return {'lost'} end
  end
  if state ~= 'open' then return refuse('closed', state) end
  local new, added, seen = {}, 0, {}
  for at = 7, last, 3 do
    local index, length, entry = tonumber(ARGV[at]), tonumber(ARGV[at + 1]), ARGV[at + 2]
    local there = seen[index] or entry_at(index)
    if there and there ~= entry then return refuse('conflict', ARGV[at]) end
    if not there then
      new[#new + 1] = {index, entry}
      seen[index] = entry
      added = added + length
    end
  end
  local now = bytes + added
  local refusal = grow(now, received + #new, ARGV[5], ARGV[6])
  if refusal then return refuse(unpack(refusal)) end
  if stored then
    refuse()
  elseif staging then
    redis.call('RENAMENX', staging, chunk)
    redis.call('PEXPIRE', chunk, ARGV[10])
  else
    redis.call('SET', chunk, ARGV[11], 'PX', ARGV[10])
  end
  for _, pair in ipairs(new) do note(pair[1], pair[2]) end
  received = received + #new
  redis.call('HSET', upload, 'received', text(received), 'bytes', text(now), 'expires_at', ARGV[4])
  redis.call('ZADD', expiry, 'XX', ARGV[4], id)
  return {'ok', text(received), text(now)}
end

if op == 'begin' then
  if state ~= 'open' then return {'closed', state} end
  if not stream then bytes = select(2, contiguous()) end
  if not stream or tonumber(ARGV[4]) ~= bytes then return {'offset', text(bytes)} end
  fence = redis.call('HINCRBY', upload, 'fence', 1)
  return {'ok', text(received), text(bytes), text(fence), tail, tail ~= '0' and entry_at(received - 1) or ''}
end

-- Everything it writes is said absolutely: a client library repeats a command after a time-out.
if op == 'append' then
  if state ~= 'open' then return {'closed', state} end
  if fence ~= ARGV[4] then return {'offset', text(bytes)} end
  local first, now, entries = tonumber(ARGV[9]), tonumber(ARGV[10]), {}
  for at = 11, #ARGV, 2 do
    now = now + tonumber(ARGV[at])
    entries[#entries + 1] = ARGV[at + 1]
  end
  local refusal = grow(now, first + #entries, ARGV[6], ARGV[7])
  if refusal then return refusal end
  redis.call('SETRANGE', map, first * width, table.concat(entries))
  received = first + #entries
  redis.call('HSET', upload, 'received', text(received), 'bytes', text(now), 'expires_at', ARGV[5], 'tail', ARGV[8])
  redis.call('ZADD', expiry, 'XX', ARGV[5], id)
  return {'ok', text(received), text(now), redis.call('HGET', upload, 'joins') or ''}
end

if op == 'renew' then
  if state == 'aborted' then return {'closed', state} end
  local till = math.min(tonumber(ARGV[4]), tonumber(redis.call('HGET', upload, 'dies_at')))
  if till > tonumber(redis.call('HGET', upload, 'expires_at')) then
    redis.call('HSET', upload, 'expires_at', text(till))
    redis.call('ZADD', expiry, 'XX', text(till), id)
  end
  return {'ok', text(received), text(bytes)}
end

if op == 'adopt' then
  if state ~= 'open' then return {'closed', state} end
  if not stream then
    local entries
    entries, bytes = contiguous()
    if tonumber(ARGV[4]) ~= bytes then return {'offset', text(bytes)} end
    may_have(tonumber(row[8]))
    received = #entries
    redis.call('SET', map, table.concat(entries))
    redis.call('DEL', scattered)
    redis.call('HSET', upload, 'total_chunks', '-1', 'received', text(received), 'bytes', text(bytes), 'tail', '0',
      'protocol', ARGV[5])
    fence, tail = redis.call('HINCRBY', upload, 'fence', 1), '0'
  end
  return {'ok', text(received), text(bytes), text(fence), tail}
end

if op == 'number' then
  if state ~= 'open' then return {'closed', state} end
  local total, each = tonumber(ARGV[4]), tonumber(ARGV[5])
  if not stream then
    if tonumber(row[8]) ~= total then return {'cut'} end
    return {'ok', text(received), text(bytes), text(fence)}
  end
  received, bytes = received - (tail == '0' and 0 or 1), 0
  local packed = received == 0 and '' or redis.call('GETRANGE', map, 0, received * width - 1)
  for index = 0, received - 1 do
    local length = size_of(packed, index * width)
    if index >= total or (length ~= each and index < total - 1) then return {'cut'} end
    bytes = bytes + length
  end
  redis.call('SET', map, packed)
  redis.call('HSET', upload, 'total_chunks', text(total), 'received', text(received), 'bytes', text(bytes), 'tail', '0')
  return {'ok', text(received), text(bytes), text(redis.call('HINCRBY', upload, 'fence', 1))}
end

if op == 'declare' then
  if state ~= 'open' then return {'closed', state} end
  local wanted = tonumber(ARGV[4])
  if size >= 0 and size ~= wanted then return {'size', text(size)} end
  if bytes > wanted then return {'too_big', text(bytes)} end
  local refusal = grow(wanted, tonumber(ARGV[7]), ARGV[5], ARGV[6])
  if refusal then return refusal end
  redis.call('HSET', upload, 'size', text(wanted))
  return {'ok', text(received), text(bytes), redis.call('HGET', upload, 'reserved')}
end

if op == 'settle' or op == 'refence' then
  if state ~= 'completing' or row[6] ~= ARGV[4] then return {'busy', row[7]} end
  if op == 'settle' then redis.call('HSET', upload, 'tail', '0') end
  -- Who had begun to append to the tail as it was, must not go on.
  fence = redis.call('HINCRBY', upload, 'fence', 1)
  return {'ok', text(received), text(bytes), text(fence)}
end

if op == 'unmark' then
  -- Who completes it by now has looked for itself, and relies on the map.
  local other = row[6] ~= ARGV[4] or fence ~= ARGV[5] or tail ~= ARGV[6]
  if other then return {'ok', text(received), text(bytes)} end
  local function forget(index)
    local entry = entry_at(index)
    if not entry then return end
    bytes = bytes - size_of(entry, 0)
    received = received - 1
    if redis.call('HDEL', scattered, index) == 0 then
      redis.call('SETRANGE', map, index * width, string.rep('\0', width))
    end
  end
  if stream then
    -- Its bytes come in order, so it goes on at the first gap.
    local first = received
    for at = 7, #ARGV do first = math.min(first, tonumber(ARGV[at])) end
    if first < received then
      for index = received - 1, first, -1 do forget(index) end
      local kept = first == 0 and '' or redis.call('GETRANGE', map, 0, first * width - 1)
      redis.call('SET', map, kept)
      redis.call('HINCRBY', upload, 'fence', 1)
      redis.call('HSET', upload, 'tail', '0')
    end
  else
    for at = 7, #ARGV do forget(tonumber(ARGV[at])) end
  end
  redis.call('HSET', upload, 'received', text(received), 'bytes', text(bytes))
  return {'ok', text(received), text(bytes)}
end

if op == 'lease' then
  local token, till, now, total = ARGV[4], ARGV[5], ARGV[6], tonumber(row[8])
  if state == 'aborted' or redis.call('HGET', upload, 'owner') ~= ARGV[7] then return {'missing'} end
  if state == 'completing' and row[6] ~= token and tonumber(row[7]) > tonumber(now) then return {'busy', row[7]} end
  local packed, others = redis.call('GET', map) or '', redis.call('HGETALL', scattered)
  if stream then total = #packed / width end
  if total ~= received then return {'incomplete', text(received), text(total), packed, others} end
  if #others > 0 then
    for place = 1, #others, 2 do redis.call('SETRANGE', map, others[place] * width, others[place + 1]) end
    redis.call('DEL', scattered)
    packed = redis.call('GET', map)
  end
  redis.call('HSET', upload, 'state', 'completing', 'lease', token, 'lease_until', till)
  return {'ok', text(received), text(bytes), redis.call('HGETALL', upload), packed}
end

if op == 'extend' then
  if state ~= 'completing' or row[6] ~= ARGV[4] then return {'busy', row[7]} end
  redis.call('HSET', upload, 'lease_until', ARGV[5])
  may_have(tonumber(ARGV[6]))
  return {'ok', text(received), text(bytes)}
end

if op == 'release' then
  if row[6] == ARGV[4] and state == 'completing' then
    redis.call('HSET', upload, 'state', 'open', 'lease', '', 'lease_until', '0')
  end
  return {'ok', text(received), text(bytes)}
end
return redis.error_reply('BADOP unknown op')
