-- _watch: whether what a request rests on is still so (`watch.py`), before the first effect of its script;
-- `scripts/__init__.py` puts it before the text of a script that is loaded to be watched.
--
-- Takes its own part off the end of KEYS and ARGV: ... key, key        ... field, value, field, value, number of keys
for _ = 1, tonumber(table.remove(ARGV)) do
  local value, field, key = table.remove(ARGV), table.remove(ARGV), table.remove(KEYS)
  local now
  if field == '' then now = redis.call('GET', key) else now = redis.call('HGET', key, field) end
  if (now or '') ~= value then return redis.error_reply('STALE what the request rests on has changed') end
end
