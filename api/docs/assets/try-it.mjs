// The reference works without this script; with it, each call can be tried. Nothing is kept: the key stays in its
// field, and goes to this origin only.
for (const form of document.querySelectorAll('form[data-path]')) {
  form.closest('[hidden]').hidden = false
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    void send(form)
  })
}
const keyField = document.getElementById('try-key')
if (keyField !== null) keyField.closest('[hidden]').hidden = false

async function send(form) {
  const output = form.querySelector('output')
  output.closest('pre').hidden = false
  output.textContent = 'Sending…'
  const { url, init } = requestOf(form)
  try {
    const response = await fetch(url, init)
    const text = await response.text()
    output.textContent = [
      `${init.method} ${url}`,
      `${response.status} ${response.statusText}`,
      '',
      readable(text),
    ].join('\n')
  } catch (error) {
    output.textContent = `No answer: ${error.message}`
  }
}

function requestOf(form) {
  const fields = [...form.querySelectorAll('[data-in]')]
  const path = fields
    .filter((field) => field.dataset.in === 'path')
    .reduce((path, field) => path.replace(`{${field.name}}`, encodeURIComponent(field.value)), form.dataset.path)
  const search = new URLSearchParams()
  for (const field of fields.filter((other) => other.dataset.in === 'query')) {
    const values = field.tagName === 'TEXTAREA' ? field.value.split('\n') : [field.value]
    for (const value of values) if (value !== '') search.append(field.name, value)
  }
  const body = fields.find((field) => field.dataset.in === 'body')
  const accept = fields.find((field) => field.dataset.in === 'accept')
  const headers = new Headers()
  if (accept !== undefined) headers.set('Accept', accept.value)
  if (body !== undefined) headers.set('Content-Type', body.dataset.type)
  if (keyField !== null && keyField.value !== '') headers.set('Authorization', `Bearer ${keyField.value.trim()}`)
  const query = search.toString()
  return {
    url: query === '' ? path : `${path}?${query}`,
    init: {
      method: form.dataset.method,
      headers,
      credentials: 'omit',
      ...(body === undefined ? {} : { body: body.value }),
    },
  }
}

function readable(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2)
  } catch {
    return text
  }
}
