-- Answers: what they teach us about limits, and about trouble.

-- How many of the last answers in this list were of the newest one's kind, and how many of them in a row.
local function remember(list, kind)
  redis.call('LPUSH', list, kind)
  redis.call('LTRIM', list, 0, ANSWERS - 1)
  local number, row = 0, true
  local consecutive = 0
  for _, answer in ipairs(redis.call('LRANGE', list, 0, -1)) do
    row = row and answer == kind
    number = number + (answer == kind and 1 or 0)
    consecutive = consecutive + (row and 1 or 0)
  end
  return number, consecutive
end

-- Whether more than one call in twenty is refused, and more than chance makes of fewer: two deviations above it.
local function too_many(out, refused)
  local fair = out * 0.05
  return refused >= 3 and refused > fair + 2 * math.sqrt(fair)
end

-- Refusals tell how fast is too fast: the search ends below, and later too many of them slow us down.
local function slow_down()
  local out, refused = lately()
  local accepted = math.max((out - refused) * 6, SLOWEST)
  local pace = number_of('rate')
  if redis.call('HDEL', levels, 'searching') == 1 then
    set_pace(math.max(math.min(pace / 2, accepted), SLOWEST))
    return true
  end
  local rested = not pace or now - number_of('rate:step_at') >= CAREFUL_STEP
  if rested and too_many(out, refused) then
    set_pace(math.min(accepted * 0.95, pace or accepted))
    return true
  end
  return false
end

-- A refusal: alone it is its own job's matter; three of twenty, or a limit nobody knew, are its family's.
local function hear_refusal(hint, exhausted, unheard_of)
  count('refused')
  if remember(answers, 'refused') >= 3 then
    redis.call('DEL', answers)
    cool_down('all', math.max(hint, 1000))
  elseif unheard_of then
    cool_down(exhausted ~= '' and exhausted or 'all', math.max(hint, 1000))
  end
  return slow_down()
end

local function hear_limits(exhausted)
  local news, unheard_of = false, false
  for i = 6, #ARGV, 3 do
    local dimension, configured, limit = ARGV[i], tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2])
    local before = limit_of(dimension, configured)
    unheard_of = unheard_of or (dimension == exhausted and (not before or before > limit))
    news = news or number_of('limit:' .. dimension) ~= limit
    learn(dimension, limit)
  end
  if news and number_of('rate') then
    redis.call('HDEL', levels, 'rate', 'rate:step_at', 'searching')
  end
  return news, unheard_of
end

-- hear: permit, kind ('fine', 'refused', 'trouble'), hint (ms), exhausted dimension or '', then triples: dimension,
-- configured per minute, limit that the answer states. Ends the call in flight.
local function hear()
  local permit, kind, hint, exhausted = ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5]
  redis.call('ZREM', flight, permit)
  local probe = redis.call('HGET', key, 'circuit:probe') == permit
  local news, unheard_of = hear_limits(exhausted)
  local number, consecutive = remember(troubles, kind)
  if kind == 'trouble' then
    if probe or (redis.call('HEXISTS', key, 'circuit:until') == 0 and (consecutive >= 5 or number >= 10)) then
      open_circuit()
    end
  else
    close_circuit()
  end
  if kind == 'refused' then
    news = hear_refusal(hint, exhausted, unheard_of) or news
  else
    remember(answers, kind)
  end
  local open = redis.call('HEXISTS', key, 'circuit:until')
  return {news and 'news' or 'heard', open, ''}
end

-- known: what the provider was heard to say, the pace, and until when nothing goes out, as one line of words
local function known()
  local words = {}
  for _, dimension in ipairs({'requests', 'images', 'tokens', 'input_images'}) do
    local limit = limit_of(dimension, 0)
    if limit then
      table.insert(words, dimension .. '=' .. math.floor(limit))
    end
  end
  local pace = number_of('rate')
  if pace then
    table.insert(words, 'pace=' .. pace)
  end
  local circuit = tonumber(redis.call('HGET', key, 'circuit:until'))
  if circuit then
    table.insert(words, 'circuit=' .. math.max(0, circuit - now))
  end
  table.insert(words, 'cooling=' .. math.max(0, cooling_of('all')))
  return {'known', redis.call('ZCARD', flight), table.concat(words, ' ')}
end

-- forget: what was learned of a family's limits, and for how long it cools; what is counted stays counted
local function forget()
  local gone = {'rate', 'rate:step_at', 'searching', 'cool:all'}
  for _, dimension in ipairs({'requests', 'images', 'tokens', 'input_images'}) do
    table.insert(gone, 'limit:' .. dimension)
    table.insert(gone, 'limit:' .. dimension .. ':at')
    table.insert(gone, 'cool:' .. dimension)
  end
  redis.call('HDEL', levels, unpack(gone))
  redis.call('DEL', answers)
  return {'forgotten', 0, ''}
end

local actions = {
  acquire = acquire, release = release, refund = refund, renew = renew, seed = seed, hear = hear, known = known,
  forget = forget,
}
return actions[ARGV[1]]()
