-- _bytes: what several scripts share; `scripts/__init__.py` puts it before each of them.

-- Whether one string comes before another byte by byte, which is how sorted sets order members. `<` follows the locale
-- of the server.
local function less(left, right)
  for at = 1, math.min(#left, #right) do
    local one, other = string.byte(left, at), string.byte(right, at)
    if one ~= other then return one < other end
  end
  return #left < #right
end
