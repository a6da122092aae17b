/** The practice site's looks: just enough of them. */

const grid = `*{box-sizing:border-box}
body{margin:0;font:14px/1.43 system-ui,sans-serif;color:#333}
a{color:#337ab7;text-decoration:none}
.container{max-width:1170px;margin:0 auto;padding:0 15px}
.row{display:flex;flex-wrap:wrap;margin:0 -15px}
.col-md-8{flex:0 0 66.6%;padding:0 15px}
.col-md-4{flex:0 0 33.3%;padding:0 15px}
.pager{display:flex;justify-content:space-between;padding:0;list-style:none}
.next{margin-left:auto}
.form-group{padding:0 15px 15px}
`;

const looks = `.header-box{padding-bottom:40px}
.quote{padding:10px;margin-bottom:30px;border:1px solid #333;border-radius:5px;box-shadow:2px 2px 3px #333}
.quote .text{display:block;margin-bottom:5px;font:italic 1.3em Georgia,serif}
.author{font-weight:bold;color:#3677e8}
.tags .tag,.tag-item .tag{padding:0 6px;color:#fff;background:#7ca3e6;border-radius:5px}
.tag-item{display:block;margin:4px}
.footer{margin-top:50px;text-align:center}
.sh-red{color:#c33}
.error{color:#c33}
`;

/** Stylesheets by their file name. */
export const stylesheets: ReadonlyMap<string, string> = new Map([
  ['bootstrap.min.css', grid],
  ['main.css', looks],
]);
