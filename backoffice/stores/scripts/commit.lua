-- commit: change the control plane, all of it or nothing, and write the audit log in the same breath.
--
-- KEYS[1] request id   KEYS[2] audit stream   KEYS[3] set of the indexes of the log that are full
-- KEYS[4...] what the program refers to by position
-- ARGV[1] seconds for which the request id is remembered
-- ARGV[2] bytes at which an index of the log is full
-- ARGV[3] number of checks   ARGV[4] of writes   ARGV[5] of events, at least one: no entry, no effect   ARGV[6] of reads
-- ARGV[7] where in ARGV the reads begin
-- ARGV[8...] the program, flat, for this script runs more often than any other:
--   events  text, number of indexes, index ...
--   checks  op, key, then by op                  all must hold
--     absent | present | equal field value | unset field | free field id
--     room owner add default    used + reserved + add <= the quota in the owner's hash, `default` where it names none
--     unused                    used + reserved = 0
--     below field n             the hash has a number less than n in the field, or none
--     fewer n                   the zset has fewer than n members
--     spare member              the zset does not have this member as its only one
--     vacant least below n      at most n members of the lexical zset in [least, below)
--     length n m                there is a string, of n or of m bytes
--     spend add n seconds       so many more are counted under the key, for so long; n at most. Comes last: it has an
--                               effect
--   writes  command, key, number of arguments, argument ...    commands of the server, and
--     HDEL-EQUAL key 2 field value     HDEL, if the field has this value
--     NOTE-QUOTA key 4 user list owner default    as `note_quota` has it; user and list are positions in KEYS
--   reads   command, key, number of arguments, argument ...    carried out after all that
-- A key, an owner and an index are positions in KEYS.
--
-- Returns {"done", id of the last event, reply of each read ...}, also when the request id was seen before (a client
-- library repeats a command after a time-out; the effect must not be repeated, and reads are carried out again), or
-- {"failed", number of the check, what it saw}, or {"full", position in KEYS ...}: indexes that are to be cut first.
local request, at = KEYS[1], 8
local checks, writes, events = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
-- One question for both, for it is asked more often than any other.
local some = redis.call('EXISTS', request, KEYS[3]) > 0
local last = some and redis.call('GET', request)

if not last then
  local refusal = changed()
  if refusal then return refusal end
  if events == 0 then return redis.error_reply('NOEVENT a commit without an audit event') end

  local most, full = tonumber(ARGV[2]), {'full'}
  for _ = 1, events do
    local stop = at + 1 + tonumber(ARGV[at + 1])
    if some then
      for index = at + 2, stop do
        local position = tonumber(ARGV[index])
        if redis.call('STRLEN', KEYS[position]) >= most then full[#full + 1] = position end
      end
    end
    at = stop + 1
  end
  if #full > 1 then return full end

  for number = 1, checks do
    local op, key = ARGV[at], KEYS[tonumber(ARGV[at + 1])]
    local holds, saw = false, ''
    if op == 'equal' then
      saw = redis.call('HGET', key, ARGV[at + 2])
      holds = saw == ARGV[at + 3]
      at = at + 4
    elseif op == 'present' then
      holds = redis.call('EXISTS', key) == 1
      at = at + 2
    elseif op == 'absent' then
      holds = redis.call('EXISTS', key) == 0
      at = at + 2
    elseif op == 'room' then
      local row = redis.call('HMGET', key, 'used', 'reserved')
      local own = redis.call('HGET', KEYS[tonumber(ARGV[at + 2])], 'quota_bytes')
      saw = own and own ~= '' and own or ARGV[at + 4]
      holds = tonumber(row[1] or 0) + tonumber(row[2] or 0) + tonumber(ARGV[at + 3]) <= tonumber(saw)
      at = at + 5
    elseif op == 'vacant' then
      holds = redis.call('ZLEXCOUNT', key, '[' .. ARGV[at + 2], '(' .. ARGV[at + 3]) <= tonumber(ARGV[at + 4])
      at = at + 5
    elseif op == 'length' then
      saw = redis.call('STRLEN', key)
      holds = (saw == tonumber(ARGV[at + 2]) or saw == tonumber(ARGV[at + 3]))
        and (saw > 0 or redis.call('EXISTS', key) == 1)
      at = at + 4
    elseif op == 'unset' then
      saw = redis.call('HGET', key, ARGV[at + 2])
      holds = not saw
      at = at + 3
    elseif op == 'free' then
      saw = redis.call('HGET', key, ARGV[at + 2])
      holds = not saw or saw == ARGV[at + 3]
      at = at + 4
    elseif op == 'below' then
      saw = redis.call('HGET', key, ARGV[at + 2])
      holds = tonumber(saw or 0) < tonumber(ARGV[at + 3])
      at = at + 4
    elseif op == 'fewer' then
      holds = redis.call('ZCARD', key) < tonumber(ARGV[at + 2])
      at = at + 3
    elseif op == 'spare' then
      holds = redis.call('ZCARD', key) > 1 or not redis.call('ZSCORE', key, ARGV[at + 2])
      at = at + 3
    elseif op == 'spend' then
      saw = redis.call('INCRBY', key, ARGV[at + 2])
      if saw == tonumber(ARGV[at + 2]) then redis.call('EXPIRE', key, ARGV[at + 4]) end
      holds = saw <= tonumber(ARGV[at + 3])
      at = at + 5
    elseif op == 'unused' then
      local row = redis.call('HMGET', key, 'used', 'reserved')
      holds = tonumber(row[1] or 0) + tonumber(row[2] or 0) <= 0
      at = at + 2
    else
      return redis.error_reply('BADOP unknown check')
    end
    if not holds then return {'failed', number - 1, saw or ''} end
  end

  for _ = 1, writes do
    local stop = at + 2 + tonumber(ARGV[at + 2])
    local command, key = ARGV[at], KEYS[tonumber(ARGV[at + 1])]
    if command == 'HDEL-EQUAL' then
      if redis.call('HGET', key, ARGV[at + 3]) == ARGV[at + 4] then redis.call('HDEL', key, ARGV[at + 3]) end
    elseif command == 'NOTE-QUOTA' then
      note_quota(key, KEYS[tonumber(ARGV[at + 3])], KEYS[tonumber(ARGV[at + 4])], ARGV[at + 5], ARGV[at + 6])
    else
      redis.call(command, key, unpack(ARGV, at + 3, stop))
    end
    at = stop + 1
  end

  at = 8
  for _ = 1, events do
    local stop = at + 1 + tonumber(ARGV[at + 1])
    last = redis.call('XADD', KEYS[2], '*', 'e', ARGV[at])
    local entry = pack_entry(last)
    for index = at + 2, stop do append_entry(KEYS[tonumber(ARGV[index])], entry, most, KEYS[3]) end
    at = stop + 1
  end
  redis.call('SET', request, last, 'EX', ARGV[1])
end

local reads = tonumber(ARGV[6])
if reads == 0 then return {'done', last} end
-- Where the request was seen before, what comes before them was passed over.
at = tonumber(ARGV[7])
local reply = {'done', last}
for number = 1, reads do
  local stop = at + 2 + tonumber(ARGV[at + 2])
  reply[number + 2] = redis.call(ARGV[at], KEYS[tonumber(ARGV[at + 1])], unpack(ARGV, at + 3, stop))
  at = stop + 1
end
return reply
