/** The frame that every page of the practice site stands in, and what else they share. */

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&#34;',
  "'": '&#39;',
};

/** Text as it may stand in HTML, in an element or in a quoted attribute. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? character);
}

const beforeLogin = `<!DOCTYPE html>
<html lang="en">
<head>
	<meta charset="UTF-8">
	<title>Quotes to Scrape</title>
    <link rel="stylesheet" href="/static/bootstrap.min.css">
    <link rel="stylesheet" href="/static/main.css">
</head>
<body>
    <div class="container">
        <div class="row header-box">
            <div class="col-md-8">
                <h1>
                    <a href="/" style="text-decoration: none">Quotes to Scrape</a>
                </h1>
            </div>
            <div class="col-md-4">
                <p>
                
                    `;

const afterLogin = `
                
                </p>
            </div>
        </div>
    
`;

/** How every page ends. */
export const pageEnd = `
    </div>
    <footer class="footer">
        <div class="container">
            <p class="text-muted">
                Quotes by: <a href="https://goodreads.example/quotes">people who never lived</a>
            </p>
            <p class="copyright">
                Made with <span class='sh-red'>❤</span> for <a href="https://crawlers.example">crawlers</a>
            </p>
        </div>
    </footer>
</body>
</html>`;

/** How every page begins. */
export function pageStart(loggedIn: boolean): string {
  return beforeLogin + (loggedIn ? '<a href="/logout">Logout</a>' : '<a href="/login">Login</a>') + afterLogin;
}

/** A whole page around its content. */
export function framed(content: string, loggedIn: boolean): string {
  return pageStart(loggedIn) + content + pageEnd;
}

function pagerItem(kind: 'previous' | 'next', href: string, label: string): string {
  return `            <li class="${kind}">
                <a href="${href}">${label}</a>
            </li>
            
`;
}

/**
 * The links to the neighbouring pages.
 * @param base what the number follows in the URL, such as `/page/`
 */
export function pager(base: string, page: number, hasNext: boolean): string {
  const previous = '<span aria-hidden="true">&larr;</span> Previous';
  const next = 'Next <span aria-hidden="true">&rarr;</span>';
  return `    <nav>
        <ul class="pager">
            
${page > 1 ? pagerItem('previous', `${base}${page - 1}/`, previous) : ''}            
${hasNext ? pagerItem('next', `${base}${page + 1}/`, next) : ''}        </ul>
    </nav>
`;
}
