-- log_repair: put right what indexes of the audit log say, and record it. A script of its own: it rewrites strings of
-- up to 256 MB, which the one door to the control plane (`commit`) must not offer; `fsck` alone calls it.
--
-- KEYS[1] request id   KEYS[2] audit stream   KEYS[3...] the indexes to repair, then those of the event
-- ARGV[1] op:
--   insert   put the entry where it belongs; it must still be in the log
--   remove   take the entry out, where it is there
--   sort     bring the entries into their order, each once
-- ARGV[2] id of the entry ("" for sort)   ARGV[3] how many indexes to repair   ARGV[4] text of the event
-- ARGV[5] seconds for which the request id is remembered   ARGV[6] bytes of an index, see `_log`
--
-- Returns {"done", id of the event}, also when the request id was seen before, or {"changed"} when the entry to be
-- inserted has left the log in the meantime: then nothing happens. What was appended since `fsck` looked stays: an
-- index is read, changed and written here, at one moment.
local request, stream, op = KEYS[1], KEYS[2], ARGV[1]
local before = redis.call('GET', request)
if before then return {'done', before} end
if ARGV[4] == '' then return redis.error_reply('NOEVENT a repair without an audit event') end

local id, repaired = ARGV[2], tonumber(ARGV[3])
if op == 'insert' and #redis.call('XRANGE', stream, id, id) == 0 then return {'changed'} end

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
local ops = {
  insert = function(key)
    local entry = pack_entry(id)
    local head, tail = around(key, entry)
    store(key, head .. entry .. tail)
  end,
  remove = function(key)
    local head, tail = around(key, pack_entry(id))
    store(key, head .. tail)
  end,
  sort = function(key)
    local text, entries, kept = redis.call('GET', key) or '', {}, {}
    for at = 1, #text - 7, 8 do entries[#entries + 1] = string.sub(text, at, at + 7) end
    table.sort(entries, less)
    for _, entry in ipairs(entries) do
      if entry ~= kept[#kept] then kept[#kept + 1] = entry end
    end
    store(key, table.concat(kept))
  end,
}
local repair = ops[op]
if not repair then return redis.error_reply('BADOP unknown op') end

for at = 3, repaired + 2 do repair(KEYS[at]) end
local last = redis.call('XADD', stream, '*', 'e', ARGV[4])
for at = repaired + 3, #KEYS do append_entry(KEYS[at], pack_entry(last), tonumber(ARGV[6])) end
redis.call('SET', request, last, 'EX', ARGV[5])
return {'done', last}
