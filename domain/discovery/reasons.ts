/** Closed lists of words: code → what it tells a reader. The API, its documentation and the tests are made from them. */

/** Why nothing is suggested. */
export const noSuggestionReasons = {
  'too-few-journeys': 'fewer than 20 journeys were first seen in the period',
  'too-few-steps': 'fewer than two steps have a place of their own',
} as const
export type NoSuggestion = keyof typeof noSuggestionReasons

/** Why a suggestion, or one step of it, is less sure. */
export const discoveryReasons = {
  'few-journeys': 'fewer than 30 journeys had it',
  'order-unsure': 'the traffic hardly says whether it comes before or after its neighbour',
  'any-order': 'people take it and another step in either order, so both are marked optional',
  'usage-near-limit': 'so many of those who pass take it that it may be optional or not',
  'end-unsure': 'no completed outcomes are sent, so the end is where people stop',
  'start-unsure': 'fewer than half of the journeys had it, though it is the first',
  'window-default': 'fewer than 20 journeys completed, so the window is the default',
  'past-limit': 'there are more steps than were asked for; the least used were left out',
} as const
export type DiscoveryReason = keyof typeof discoveryReasons
export const discoveryReasonCodes = [
  'few-journeys',
  'order-unsure',
  'any-order',
  'usage-near-limit',
  'end-unsure',
  'start-unsure',
  'window-default',
  'past-limit',
] as const satisfies readonly DiscoveryReason[]

/** Why a step that was seen is no part of the suggestion. */
export const outsideReasons = {
  rare: 'seen in too few journeys to say anything',
  foreign: 'it has no place of its own: opened from anywhere, and left by going back',
  'dead-end': 'few go on from it, and those who go on do not need it',
  'after-end': 'it comes after the end',
  'before-start': 'it comes before the start, and few have it',
  'past-limit': 'there are more steps than were asked for',
} as const
export type Outside = keyof typeof outsideReasons
