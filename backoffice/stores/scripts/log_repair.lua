-- log_repair: put right what indexes of the audit log say, and record it. A script of its own: it rewrites strings of
-- 1 MiB, which the one door to the control plane (`commit`) must not offer; `fsck` alone calls it.
--
-- KEYS[1] request id   KEYS[2] audit stream   KEYS[3] set of the indexes that are full   then by op, then the indexes
-- of the event
-- ARGV[1] op:
--   insert   index, directory ...     put the entry where it belongs; it must still be in the log
--   remove   index, directory ...     take the entry out, where it is there
--   sort     index, directory ...     bring the entries into their order, each once
--   rebuild  index, directory, new segments   these are what the index has up to the entry
--   drop     segment, directory       a segment that no directory names, number ARGV[8]
-- ARGV[2] id of the entry ("" for sort, drop)   ARGV[3] how many keys the op has   ARGV[4] text of the event
-- ARGV[5] seconds for which the request id is remembered   ARGV[6] bytes of a segment, at most
-- ARGV[7] bytes at which an index is full
-- rebuild: ARGV[8] the directory as it was when the log was read   ARGV[9] the new one
--
-- Returns {"done", id of the event}, also when the request id was seen before; {"full", position in KEYS ...}: indexes of
-- the event that are to be cut first, or {"changed"}: nothing happens, for the entry to be inserted has left the log in
-- the meantime, an index has segments (these are rebuilt alone) or no room, or the segments are others by now, or are in
-- use. What was appended since `fsck` looked stays: an index is read, changed and written here, at one moment.
local request, stream, op = KEYS[1], KEYS[2], ARGV[1]
local before = redis.call('GET', request)
if before then return {'done', before} end
if ARGV[4] == '' then return redis.error_reply('NOEVENT a repair without an audit event') end

local id, last_key, most = ARGV[2], tonumber(ARGV[3]) + 3, tonumber(ARGV[6])
local full = no_room(last_key + 1, #KEYS, tonumber(ARGV[7]))
if full then return full end

local function store(key, text)
  if text == '' then redis.call('DEL', key) else redis.call('SET', key, text) end
end
-- What of an index stands before an entry, and what after it.
local function around(key, entry)
  local rank = entry_rank(key, entry)
  local head = rank == 0 and '' or redis.call('GETRANGE', key, 0, rank * 8 - 1)
  if entry_at(key, rank) == entry then rank = rank + 1 end
  return head, redis.call('GETRANGE', key, rank * 8, -1)
end
-- The entries of a text that are behind this one ("" = all), in their order and each once.
local function in_order(text, behind)
  local entries, kept = {}, {}
  for at = 1, #text - 7, 8 do
    local entry = string.sub(text, at, at + 7)
    if less(behind, entry) then entries[#entries + 1] = entry end
  end
  table.sort(entries, less)
  for _, entry in ipairs(entries) do
    if entry ~= kept[#kept] then kept[#kept + 1] = entry end
  end
  return table.concat(kept)
end

local string_ops = {
  insert = function(key)
    local entry = pack_entry(id)
    local head, tail = around(key, entry)
    store(key, head .. entry .. tail)
  end,
  remove = function(key)
    local head, tail = around(key, pack_entry(id))
    store(key, head .. tail)
  end,
  sort = function(key) store(key, in_order(redis.call('GET', key) or '', '')) end,
}

if string_ops[op] then
  if op == 'insert' and #redis.call('XRANGE', stream, id, id) == 0 then return {'changed'} end
  for at = 4, last_key, 2 do
    local reaches = redis.call('STRLEN', KEYS[at]) + (op == 'insert' and 8 or 0)
    if redis.call('EXISTS', KEYS[at + 1]) == 1 or reaches > most then return {'changed'} end
  end
  for at = 4, last_key, 2 do string_ops[op](KEYS[at]) end
elseif op == 'rebuild' then
  local index, directory = KEYS[4], KEYS[5]
  if (redis.call('GET', directory) or '') ~= ARGV[8] or redis.call('STRLEN', index) > most then return {'changed'} end
  for at = 6, last_key do
    if redis.call('EXISTS', KEYS[at]) == 0 then return {'changed'} end
  end
  -- They were made to expire, so that nothing is left of a repair that was stopped.
  for at = 6, last_key do redis.call('PERSIST', KEYS[at]) end
  store(directory, ARGV[9])
  store(index, in_order(redis.call('GET', index) or '', pack_entry(id)))
elseif op == 'drop' then
  for _, one in ipairs(segments_of(KEYS[5])) do
    if one.number == tonumber(ARGV[8]) then return {'changed'} end
  end
  redis.call('DEL', KEYS[4])
else
  return redis.error_reply('BADOP unknown op')
end

local last = redis.call('XADD', stream, '*', 'e', ARGV[4])
for at = last_key + 1, #KEYS do append_entry(KEYS[at], pack_entry(last), tonumber(ARGV[7]), KEYS[3]) end
redis.call('SET', request, last, 'EX', ARGV[5])
return {'done', last}
