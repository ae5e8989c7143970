-- _watch: whether what a request rests on is still so (`watch.py`); `scripts/__init__.py` puts it before the text of a
-- script that is loaded to be watched, and has it asked before the first effect. A script that may be repeated after it
-- has had its effect asks by itself: then what has changed since must not hide what it did.
--
-- What a request does later is compared in the same way (`Ground`): then the error means that the question whether it
-- may still be done is to be asked anew.
--
-- Takes its own part off the end of KEYS and ARGV: ... key, key        ... field, value, field, value, number of keys
local rests_on = {}
for at = 1, tonumber(table.remove(ARGV)) do
  rests_on[at] = {value = table.remove(ARGV), field = table.remove(ARGV), key = table.remove(KEYS)}
end
-- Nothing, or the error that says that something has changed.
local function changed()
  for _, one in ipairs(rests_on) do
    local now
    if one.field == '' then now = redis.call('GET', one.key) else now = redis.call('HGET', one.key, one.field) end
    if (now or '') ~= one.value then return redis.error_reply('STALE what the request rests on has changed') end
  end
end
