import type { ProblemCode } from '../../domain/problems.ts'
import { Page, type Shell } from './layout.tsx'

/** A page that says only what went wrong and what to do about it. Nothing that the caller sent is on it. */
export interface Message {
  readonly status: 400 | 403 | 404 | 405 | 413 | 500 | 503
  readonly heading: string
  readonly advice: readonly string[]
  readonly code: ProblemCode
  readonly retryAfterSeconds?: number
}

export const messages = {
  notFound: {
    status: 404,
    code: 'not-found',
    heading: 'Page not found',
    advice: ['If you typed the address, check that it is right.', 'If you followed a link, it may be out of date.'],
  },
  unknownService: {
    status: 404,
    code: 'unknown-service',
    heading: 'There is no such service',
    advice: ['No service with this id is registered here, or it was deleted.'],
  },
  notYours: {
    status: 403,
    code: 'scope-missing',
    heading: 'Your key does not reach this far',
    advice: [
      'The key that you signed in with is for another service or department.',
      'Ask whoever runs Waymark here for a key that may read this service, then sign out and sign in with it.',
    ],
  },
  otherSite: {
    status: 403,
    code: 'origin-not-allowed',
    heading: 'This form came from somewhere else',
    advice: ['Only a page of this site may send it. Go back to the first page and try again.'],
  },
  wrongMethod: {
    status: 405,
    code: 'method-not-allowed',
    heading: 'This page does not take that',
    advice: ['Open it from a link or from the address bar.'],
  },
  tooLarge: {
    status: 413,
    code: 'too-large',
    heading: 'That was too much',
    advice: ['A key is at most 128 characters long.'],
  },
  unavailable: {
    status: 503,
    code: 'store-unavailable',
    heading: 'The figures cannot be read now',
    advice: [
      'The database is away or overloaded. No event is lost by this.',
      'Try again in a minute. If it goes on, whoever runs Waymark here can find the cause with npx waymark doctor.',
    ],
  },
  queryTooLarge: {
    status: 503,
    code: 'query-too-large',
    heading: 'That takes too long to count',
    advice: ['Ask for a shorter period, or without a breakdown.'],
  },
  internal: {
    status: 500,
    code: 'internal',
    heading: 'Something failed here',
    advice: ['This is a fault of Waymark, not of what you did. It is in the log of the process.'],
  },
} as const satisfies Record<string, Message>

export function MessagePage({ message, ...shell }: Shell & { readonly message: Message }) {
  return (
    <Page {...shell} title={message.heading}>
      <div class="wm-prose">
        <h1 class="govuk-heading-l">{message.heading}</h1>
        {message.advice.map((text) => (
          <p class="govuk-body">{text}</p>
        ))}
        <p class="govuk-body">
          <a href="/" class="govuk-link">
            Go to the services
          </a>
        </p>
        <p class="govuk-body-s wm-quiet">
          Code: <code>{message.code}</code>
        </p>
      </div>
    </Page>
  )
}
