import type { Calls, Detail, Page, Shown, State, Stored, Visitor, Waymark } from './page.ts'

// The beacon. Every byte is paid by every page view, so it leaves to the collector what the collector can do: what
// is wrong with an attribute comes back in its answer, and ids are made there of `view` and `seq`. It is written in
// ES5, and in an order that compresses: `npm run build:beacon` prints what a change costs, a test holds the budget.
;(function (tag: HTMLScriptElement, d: Shown, n: Visitor) {
  function send(type: string, detail?: Detail, text?: string): void {
    function other() {
      ;(n.sendBeacon && n.sendBeacon(base + 'events', text)) ||
        (new Image().src = base + 'pixel.gif?' + encodeURIComponent(text!))
    }
    // No journey: the visitor asked not to be counted, is a program, or the tag cannot be read.
    if (s.journey)
      try {
        if (type == 'step') {
          leave()
          detail && (s.step = detail.step!)
          s.view = Math.random()
          s.engagedMs = 0
          look()
        }
        s.at = Date.now()
        s.type = type
        s.seq++
        s.events = [detail]
        text = JSON.stringify(s)
        // A fetch without keepalive ends with the page.
        'keepalive' in Request.prototype
          ? (stub.f || fetch)(base + 'events', { body: text, credentials: 'omit', method: 'POST', keepalive: true })
              .then(function (answer) {
                return answer.text()
              })
              .then(warn, other)
          : other()
      } catch (error) {
        other()
      }
  }

  function start() {
    stub = (self as Page).waymark || (n as Partial<Waymark> as Waymark)
    // A second tag, or the same one again, finds the first one's.
    if (!stub.s) {
      ;(self as Page).waymark = send
      ;(send as Waymark).s = s
      if (!(n.webdriver || n.globalPrivacyControl || (n.doNotTrack as unknown as number) > 0)) {
        try {
          base = tag.src.replace(/[^/]*$/, 'v1/')
          for (name in tag.dataset) (s as unknown as DOMStringMap)[name] = tag.dataset[name]
          if (!s.journey) {
            s.journey = Math.random()
            // Storage that is blocked throws: the journey is the page's then.
            s.session
              ? ((sessionStorage as Stored).waymark = s.journey = (sessionStorage as Stored).waymark || s.journey)
              : d.referrer.match(d.domain) && warn('data-journey /docs')
          }
        } catch (error) {}
        send('step')
        s.outcome && send('outcome')
        for (name in stub.q) send.apply(0, (stub.q as Calls)[name]!)
        addEventListener('pageshow', function (event) {
          event.persisted && send('step')
        })
        addEventListener('pagehide', leave)
        addEventListener('visibilitychange', look)
      }
    }
  }

  function look() {
    d.hidden ? leave() : (since = performance.now())
  }

  /** Once a page: afterwards it is nothing that could be called. An answer without text complains of nothing. */
  function warn(text: string) {
    // @ts-expect-error a function that is assigned to costs the least
    text && (warn = console.warn('waymark', base, text))
  }

  function leave() {
    if (since) {
      s.engagedMs! += performance.now() - since
      since = 0
      send('leave')
    }
  }

  var since: number
  var stub: Waymark
  var name: string
  var base: string
  var s: State = { seq: 0 }

  // A page that is made ready before it is asked for becomes visible when it is shown.
  d.prerendering ? addEventListener('visibilitychange', start) : start()
})(document.currentScript as HTMLScriptElement, document, navigator)
