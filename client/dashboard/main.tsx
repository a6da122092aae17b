/** The dashboard: a web page on the service's public API alone. */
import { render } from 'preact';
import 'uplot/dist/uPlot.min.css';
import './style.css';
import { takeTokenFromAddress } from './api.js';
import { App } from './app.js';
import { begin } from './session.js';

takeTokenFromAddress();
begin();
render(<App />, document.body);
