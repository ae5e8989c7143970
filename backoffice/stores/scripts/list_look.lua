-- list_look: keep how somebody has arranged a list. Not an act, so it writes no event; a script of its own because it
-- must leave nothing behind of a person who has gone in the meantime.
--
-- KEYS[1] user hash   KEYS[2] hash of that person's lists
-- ARGV[1] list   ARGV[2] what is kept ("" = nothing any more)
-- Returns "ok" or "gone".
if redis.call('EXISTS', KEYS[1]) == 0 then return 'gone' end
if ARGV[2] == '' then redis.call('HDEL', KEYS[2], ARGV[1])
else redis.call('HSET', KEYS[2], ARGV[1], ARGV[2]) end
return 'ok'
